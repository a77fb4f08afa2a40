"""A batch: one transaction over many items, few round trips, each item wholly in or not at all."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters import shapes, tables
from lead_service.adapters.books import (
    StoredOrgChart,
    StoredReferences,
    StoredSettings,
    StoredSpend,
    StoredTouches,
    activity_view,
    activity_words,
    spend_view,
    spend_words,
    touch_view,
    without_note,
)
from lead_service.adapters.buffers import BufferedAggregates, Journal
from lead_service.adapters.bulk import insert_new, update_seen
from lead_service.adapters.erasures import StoredErasures, erased_address
from lead_service.adapters.exports import StoredExports
from lead_service.adapters.repositories import Unit, known_rows, unit_of
from lead_service.application.commands.terms import unknown
from lead_service.application.ports import Kind, Mention, Reference, Tx
from lead_service.application.views import ActivityView, SpendView, TouchView
from lead_service.domain.deal import Activity
from lead_service.domain.directory import Spend
from lead_service.domain.lead import Touch
from lead_service.domain.org import Chart
from onefunnel.errors import DomainError
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import PersonId
from onefunnel.outbox.writer import StaleVersion, append_only
from onefunnel.persistence.database import DriverConnection, driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.stored import StoredVault, Words

# Everywhere in this order, so that two batches never wait for each other.
_KINDS: Final[tuple[Kind, ...]] = ("person", "account", "product", "campaign", "lead", "deal")
_REMEMBERED: Final = (
    "SELECT key, fingerprint FROM batch_item"
    " WHERE tenant_id = $1 AND source = $2 AND key = ANY($3::text[])"
)
_REMEMBER: Final = """
INSERT INTO batch_item (tenant_id, source, key, fingerprint)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
ON CONFLICT (tenant_id, source, key) DO UPDATE SET fingerprint = excluded.fingerprint"""


class BufferedReferences:
    """Whether ids exist: in the database or made by an item before."""

    def __init__(self, unit: Unit, aggregates: Mapping[Kind, BufferedAggregates[Any, Any]]) -> None:
        self._stored = StoredReferences(unit)
        self._aggregates = aggregates
        self._known: dict[Kind, set[UUID]] = {kind: set() for kind in _KINDS}
        self._missing: dict[Kind, set[UUID]] = {kind: set() for kind in _KINDS}

    async def load(self, kind: Kind, ids: set[UUID]) -> None:
        """Read which of `ids` exist."""
        asked = ids - self._known[kind] - self._missing[kind]
        found = await self._stored.existing({kind: sorted(asked)}) if asked else set()
        self._known[kind] |= found
        self._missing[kind] |= asked - found

    async def require(self, references: Sequence[Reference]) -> None:
        """Raise `unknown-reference`, with the place, if one does not exist."""
        for reference in references:
            if not await self._exists(reference.kind, reference.id):
                raise unknown([reference.pointer])

    async def _exists(self, kind: Kind, id_: UUID) -> bool:
        if self._aggregates[kind].holds(id_) or id_ in self._known[kind]:
            return True
        await self.load(kind, {id_})
        return id_ in self._known[kind]


class BufferedOrgChart:
    """The whole chart, with what the batch changed so far."""

    def __init__(self, unit: Unit, people: BufferedAggregates[Any, Any]) -> None:
        self._stored = StoredOrgChart(unit)
        self._people = people
        self._chart: Chart | None = None

    async def chart(self) -> Chart:
        """Return the whole chart; no other transaction changes it until this one ends."""
        if self._chart is None:
            self._chart = await self._stored.chart()
        chart = dict(self._chart)
        for id_, person in self._people.items().items():
            chart[PersonId(id_)] = person.memberships
        return chart


class BufferedSpend(StoredSpend):
    """Spend that a batch enters."""

    def __init__(self, unit: Unit, journal: Journal) -> None:
        super().__init__(unit)
        self._journal = journal

    async def add(self, entry: Spend) -> SpendView:
        """Keep an entry."""
        view = spend_view(entry)
        self._journal.add_row(tables.SPEND, without_note(view))
        self._journal.item.words += spend_words(view)
        return view


class BufferedTouches(StoredTouches):
    """Touches that a batch records."""

    def __init__(self, unit: Unit, journal: Journal) -> None:
        super().__init__(unit)
        self._journal = journal

    async def add(self, lead_id: UUID, touch: Touch) -> TouchView:
        """Keep a touch."""
        view = touch_view(lead_id, touch)
        self._journal.add_row(tables.TOUCH, without_note(view))
        return view


class BufferedActivities:
    """Activities that a batch logs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def add(self, activity: Activity) -> ActivityView:
        """Keep an activity."""
        view = activity_view(activity)
        self._journal.add_row(tables.ACTIVITY, without_note(view))
        self._journal.item.words += activity_words(view)
        return view


class BufferedErasures(StoredErasures):
    """Erased addresses, asked for at once."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self._vault = unit.vault
        self._asked: set[str] = set()
        self._erased: set[str] = set()

    async def load(self, addresses: Collection[str]) -> None:
        """Read which of the addresses must not come back."""
        if unknown_ := set(addresses) - self._asked:
            self._asked |= unknown_
            self._erased |= await self._vault.erased_addresses(unknown_)

    async def refuse_erased(self, address: str | None, pointer: str) -> None:
        """Raise `gone`, with the place, if the e-mail address was that of somebody who was erased."""
        if address:
            await self.load((address,))
            if address in self._erased:
                raise erased_address(pointer)


class StoredBatch:
    """A batch over one open transaction."""

    def __init__(
        self, keyring: Keyring, conn: AsyncConnection, metadata: Metadata, *, imported: bool
    ) -> None:
        self._conn = conn
        self._keyring = keyring
        self._metadata = metadata
        self._journal = Journal(metadata)
        self._remembered: dict[tuple[str, str], bytes] = {}
        unit = unit_of(keyring, conn, metadata)
        self._vault = unit.vault
        self._aggregates: dict[Kind, BufferedAggregates[Any, Any]] = {
            "person": self._buffer(shapes.PEOPLE),
            "account": self._buffer(shapes.ACCOUNTS),
            "product": self._buffer(shapes.PRODUCTS),
            "campaign": self._buffer(shapes.CAMPAIGNS),
            "lead": self._buffer(shapes.LEADS),
            "deal": self._buffer(shapes.DEALS),
        }
        self._references = BufferedReferences(unit, self._aggregates)
        self._erasures = BufferedErasures(unit)
        self.tx = self._transaction(unit, imported=imported)

    def _buffer(self, shape: shapes.Shape[Any, Any]) -> BufferedAggregates[Any, Any]:
        # Nothing that a batch holds holds the batch: it goes when the last reference goes, not
        # when the collector comes by.
        return BufferedAggregates(
            self._journal, shape, partial(_locked, self._conn, self._metadata, self._vault)
        )

    def _transaction(self, unit: Unit, *, imported: bool) -> Tx:
        kinds, journal = self._aggregates, self._journal
        return Tx(
            tenant_id=self._metadata.tenant_id,
            actor=self._metadata.actor_id,
            now=self._metadata.recorded_at,
            imported=imported,
            settings=StoredSettings(unit),
            references=self._references,
            org=BufferedOrgChart(unit, kinds["person"]),
            tenants=self._buffer(shapes.TENANTS),
            people=kinds["person"],
            accounts=kinds["account"],
            products=kinds["product"],
            campaigns=kinds["campaign"],
            funnels=self._buffer(shapes.FUNNELS),
            leads=kinds["lead"],
            deals=kinds["deal"],
            spend=BufferedSpend(unit, journal),
            touches=BufferedTouches(unit, journal),
            activities=BufferedActivities(journal),
            erasures=self._erasures,
            exports=StoredExports(unit),
        )

    async def prefetch(
        self, mentions: Collection[Mention], addresses: Collection[str] = ()
    ) -> None:
        """Read at once what the items will ask for one by one."""
        await self._erasures.load(addresses)
        for kind in _KINDS:
            subjects = {m.id for m in mentions if m.kind == kind and m.subject}
            others = {m.id for m in mentions if m.kind == kind} - subjects
            if kind == "product":  # a booking needs the list price
                subjects, others = subjects | others, set()
            await self._aggregates[kind].load(subjects)
            await self._references.load(kind, others)

    @contextmanager
    def item(self) -> Iterator[None]:
        """Keep what is written inside, or forget all of it on a `DomainError`, which goes on."""
        try:
            yield
        except DomainError:
            self._journal.forget()
            raise
        self._journal.keep()

    async def remembered(self, source: str, keys: Collection[str]) -> Mapping[str, bytes]:
        """Return the fingerprints of items that were imported before."""
        kept = {self._kept(key): key for key in keys}
        rows = await self._driver.fetch(_REMEMBERED, self._metadata.tenant_id, source, sorted(kept))
        return {kept[row["key"]]: row["fingerprint"] for row in rows}

    def remember(self, source: str, key: str, fingerprint: bytes) -> None:
        """Note an item as imported."""
        self._remembered[source, self._kept(key)] = fingerprint

    async def flush(self) -> None:
        """Write everything that was kept; raises `StaleVersion` if somebody was faster."""
        for kind in _KINDS:
            table, new, changed = self._aggregates[kind].written()
            inserted = await insert_new(self._driver, table, new)
            if not inserted or not await update_seen(self._driver, table, changed):
                raise StaleVersion
        kept = self._journal.batch
        # The aggregates are locked or new from here on: outbox ids follow their sequences.
        await append_only(self._conn, kept.records)
        made = [id_ for kind in _KINDS for id_ in self._aggregates[kind].made()]
        await self._vault.write(_last_of_each(kept.words), new=made)
        rows = [(tables.HISTORY, row) for row in kept.history] + kept.rows
        for table in (tables.HISTORY, tables.SPEND, tables.TOUCH, tables.ACTIVITY):
            if not await insert_new(self._driver, table, [row for at, row in rows if at is table]):
                raise StaleVersion
        await self._write_remembered()

    async def _write_remembered(self) -> None:
        if not self._remembered:
            return
        noted = sorted(self._remembered.items())
        await self._driver.execute(
            _REMEMBER,
            self._metadata.tenant_id,
            [source for (source, _), _ in noted],
            [key for (_, key), _ in noted],
            [fingerprint for _, fingerprint in noted],
        )

    def _kept(self, key: str) -> str:
        """Return how a row's key is kept. One that may be an address is known again, and not read."""
        if "@" not in key:
            return key
        return self._keyring.digest(self._metadata.tenant_id, key).hex()

    @property
    def _driver(self) -> DriverConnection:
        return driver_of(self._conn)


def _last_of_each(words: Sequence[Words]) -> list[Words]:
    """Return the last word on each field: what one item kept, a later one may have corrected."""
    return list({(one.subject_id, one.field): one for one in words}.values())


async def _locked(
    conn: AsyncConnection,
    metadata: Metadata,
    vault: StoredVault,
    shape: shapes.Shape[Any, Any],
    ids: Collection[UUID],
) -> Sequence[dict[str, Any]]:
    """Return the rows of a tenant's aggregates, locked for change."""
    rows = await driver_of(conn).fetch(
        f"SELECT * FROM {shape.table.name} WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
        " ORDER BY id FOR NO KEY UPDATE",
        metadata.tenant_id,
        list(ids),
    )
    return await known_rows(vault, shape, [dict(row) for row in rows], erased=True)
