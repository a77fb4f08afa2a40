"""Deliveries in PostgreSQL: kept as they come, read once, found again by the records that they speak of."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.bodies import BodySeals
from gateway.adapters.noting import note_look
from gateway.adapters.repositories import Transactions
from gateway.adapters.tables import DELIVERY
from gateway.application.deliveries import (
    Claim,
    Claimed,
    Genuine,
    ItemFault,
    StoredDelivery,
    Telling,
)
from gateway.application.sealing import CannotOpen, Seal
from gateway.domain.connection import Connection
from gateway.domain.webhooks.mapping import Fault
from gateway.domain.webhooks.reading import Change, Look
from onefunnel.errors import conflict
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.outbox.standing import Standing
from onefunnel.outbox.writer import append_only
from onefunnel.persistence.database import driver_of

_CLAIM = """
INSERT INTO delivery_key (tenant_id, connection_id, key, delivery_id, digest, record)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::text[])
ON CONFLICT (tenant_id, connection_id, key) DO NOTHING
RETURNING delivery_id, key"""
# Whoever erases a person reads the names of records, and would miss those that are noted at that moment.
_READ_BESIDE_OTHERS = "SELECT pg_advisory_xact_lock_shared(hashtext('record names'), hashtext($1))"
_READ_ALONE = "SELECT pg_advisory_xact_lock(hashtext('record names'), hashtext($1))"
# Of an id that is known the digest may not be: '' is what was kept before there were any.
_CONTRADICTING = """
SELECT claim.delivery_id, key
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::bytea[]) AS claim (connection_id, key, delivery_id, digest)
JOIN delivery_key AS known USING (connection_id, key)
WHERE known.tenant_id = $1 AND known.digest <> '' AND known.digest <> claim.digest"""
_KEEP = """
INSERT INTO delivery (tenant_id, id, connection_id, received_at, sealed, sealed_on, secret_id, trace,
    status, changes, told, faults)
SELECT $1, *, 'stored', 0, 0, '[]'
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[], $6::date[], $7::uuid[], $8::text[])
ON CONFLICT DO NOTHING"""
_REWRITE = "UPDATE delivery SET sealed = $3 WHERE tenant_id = $1 AND id = $2"
# What was known already is in another body, and its own would be found by nobody who erases.
_SETTLE = """
UPDATE delivery SET status = read.status, changes = read.changes, told = read.told,
    faults = read.faults::jsonb,
    sealed = CASE WHEN read.status = 'duplicate' THEN '' ELSE delivery.sealed END
FROM unnest($2::uuid[], $3::text[], $4::int[], $5::int[], $6::text[])
    AS read (id, status, changes, told, faults)
WHERE delivery.tenant_id = $1 AND delivery.id = read.id"""
_UNREAD = (
    select(DELIVERY)
    .where(DELIVERY.c.status == "stored")
    .order_by(DELIVERY.c.id)
    .with_for_update(skip_locked=True)
)

_WHOSE = """
SELECT tenant_id FROM delivery WHERE status = 'stored'
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"""
_STANDING = """
SELECT count(*) AS depth, extract(epoch FROM $1 - min(received_at))::float8 AS age_s
FROM delivery WHERE status = 'stored' AND tenant_id = $2"""
_ASK = """
INSERT INTO record_read (tenant_id, connection_id, delivery_id, kind, external_id, change)
SELECT $1, $2, $3, kind, external_id, max(change)
FROM unnest($4::text[], $5::text[], $6::text[]) AS hinted (kind, external_id, change)
GROUP BY kind, external_id
ON CONFLICT (tenant_id, connection_id, kind, external_id, delivery_id)
DO UPDATE SET attempts = 0, alone = FALSE, parked = FALSE"""
_COMPARE = """
UPDATE crm_lane SET reconcile_at = least(reconcile_at, now())
WHERE tenant_id = $1 AND connection_id = $2"""

_MARK_ERASED = """
INSERT INTO delivery_key (tenant_id, connection_id, key, delivery_id, digest, record)
SELECT $1, $2, 'erased:' || record, $3, ''::bytea, record FROM unnest($4::text[]) AS record
ON CONFLICT (tenant_id, connection_id, key) DO NOTHING"""
_ERASED = """
SELECT record FROM delivery_key WHERE tenant_id = $1 AND connection_id = $2
AND key = ANY (SELECT 'erased:' || record FROM unnest($3::text[]) AS record)"""
_ERASE = """
UPDATE delivery SET sealed = '', faults = '[]', erased_at = now()
WHERE tenant_id = $1 AND connection_id = $2 AND erased_at IS NULL AND id IN (
    SELECT delivery_id FROM delivery_key
    WHERE tenant_id = $1 AND connection_id = $2 AND record = ANY($3::text[]))"""
_READ_NO_MORE = """
DELETE FROM record_read
WHERE tenant_id = $1 AND connection_id = $2 AND kind || ':' || external_id = ANY($3::text[])"""


class DatabaseUnread:
    """What waits to be read in any tenant, under the worker role."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def tenant(self) -> UUID | None:
        """Return whose delivery has waited longest of those that nobody reads now, None if there is none."""
        async with self._database.transaction() as conn:
            found: UUID | None = await driver_of(conn).fetchval(_WHOSE)
        return found

    async def standing(self, tenant_id: UUID, now: datetime) -> Standing:
        """Return how many of a tenant's wait, and how long the oldest has waited."""
        async with self._database.transaction() as conn:
            row = await driver_of(conn).fetchrow(_STANDING, now, tenant_id)
        assert row is not None, "numbers without a table have one row"
        return {"depth": row["depth"], "oldest_age_s": round(max(0.0, row["age_s"] or 0.0), 3)}


class DeliveryRepository:
    """The deliveries that one database connection sees."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, bodies: BodySeals) -> None:
        self._conn = conn
        self._metadata = metadata
        self._bodies = bodies

    async def keep(self, genuine: Sequence[Genuine]) -> Sequence[StoredDelivery]:
        """Store what came, to be read later; what is kept already stays as it is."""
        kept = [await self._kept(one) for one in genuine]
        if not kept:
            return kept
        columns = zip(
            *(
                (one.id, one.connection_id, one.received_at, one.sealed, one.sealed_on,
                 one.secret_id, one.trace)
                for one in kept
            ),
            strict=True,
        )  # fmt: skip
        await driver_of(self._conn).execute(_KEEP, self._metadata.tenant_id, *columns)
        return kept

    async def _kept(self, genuine: Genuine) -> StoredDelivery:
        day = genuine.received_at.astimezone(UTC).date()
        tenant_id = self._metadata.tenant_id
        sealed = await self._bodies.seal(self._conn, tenant_id, genuine.content, genuine.id, day)
        return StoredDelivery(
            genuine.id, genuine.connection_id, genuine.received_at, sealed, day,
            genuine.secret_id, genuine.trace,
        )  # fmt: skip

    async def unread(self, limit: int) -> Sequence[StoredDelivery]:
        """Return the oldest that nobody read yet, held for the rest of the transaction."""
        found = await self._conn.execute(_UNREAD.limit(limit))
        return [_delivery_of(row) for row in found]

    async def claim(self, claims: Sequence[Claim]) -> Claimed:
        """Note keys as taken that no delivery had before. Of two claims to one key the first has it."""
        if not claims:
            return Claimed(frozenset())
        # In one order, so that no two transactions wait for each other.
        ordered = sorted(claims, key=lambda one: (one.connection_id.int, one.key))
        driver, tenant_id = driver_of(self._conn), self._metadata.tenant_id
        await driver.execute(_READ_BESIDE_OTHERS, str(tenant_id))
        given = (
            [one.connection_id for one in ordered],
            [one.key for one in ordered],
            [one.delivery_id for one in ordered],
            [one.digest for one in ordered],
        )
        records = [one.record for one in ordered]
        new = _pairs(await driver.fetch(_CLAIM, tenant_id, *given, records))
        if len(new) == len(ordered):
            return Claimed(new)
        return Claimed(new, _pairs(await driver.fetch(_CONTRADICTING, tenant_id, *given)))

    async def content(self, delivery: StoredDelivery) -> bytes:
        """Return the body of a delivery; raise `gone` if it was erased or its time is over."""
        if delivery.status == "duplicate":
            raise conflict("It said nothing new: look at what came first.", code="gone")
        (content,) = await self.contents([delivery])
        if content is None:
            raise conflict(
                "What came in was erased, and is not to be read or replayed.", code="gone"
            )
        return content

    async def contents(self, deliveries: Sequence[StoredDelivery]) -> Sequence[bytes | None]:
        """Return the bodies of deliveries, None for each that was erased or whose time is over."""
        days = {one.sealed_on for one in deliveries if one.erased_at is None}
        seals = {day: await self._bodies.seal_of(self._conn, day) for day in days}
        return [_opened(one, seals.get(one.sealed_on)) for one in deliveries]

    async def rewrite(self, delivery: StoredDelivery, content: bytes) -> None:
        """Put a part of a body in the place of the whole."""
        seal = await self._bodies.seal_of(self._conn, delivery.sealed_on)
        assert seal is not None, "it was opened in this transaction"
        sealed = seal.close(content, delivery.id)
        await driver_of(self._conn).execute(_REWRITE, self._metadata.tenant_id, delivery.id, sealed)

    async def note_look(
        self, connection: Connection, delivery_id: UUID, look: Look, at: datetime
    ) -> None:
        """Add what was seen of a view to what is known of it."""
        await note_look(self._conn, connection, delivery_id, look, at)

    async def erase(self, connection_id: UUID, delivery_id: UUID, records: Sequence[str]) -> None:
        """Erase the bodies of all deliveries that speak of these records, and of those still to come."""
        driver, key = driver_of(self._conn), (self._metadata.tenant_id, connection_id)
        await driver.execute(_MARK_ERASED, *key, delivery_id, records)
        await self.empty(connection_id, records)
        await driver.execute(_READ_NO_MORE, *key, records)

    async def stand_still(self) -> None:
        """Let nobody note names of this tenant's records until the transaction ends."""
        await driver_of(self._conn).execute(_READ_ALONE, str(self._metadata.tenant_id))

    async def empty(self, connection_id: UUID, records: Sequence[str]) -> None:
        """Erase the bodies of all deliveries that speak of these records."""
        key = (self._metadata.tenant_id, connection_id)
        await driver_of(self._conn).execute(_ERASE, *key, records)

    async def erased_among(self, connection_id: UUID, records: Sequence[str]) -> set[str]:
        """Return those of these records that were erased before."""
        if not records:
            return set()
        found = await driver_of(self._conn).fetch(
            _ERASED, self._metadata.tenant_id, connection_id, records
        )
        return {row["record"] for row in found}

    async def settle(self, told: Sequence[Telling]) -> None:
        """Note what became of deliveries; what they tell goes out with that or not at all."""
        read = [one.delivery for one in told]
        await driver_of(self._conn).execute(
            _SETTLE,
            self._metadata.tenant_id,
            [one.id for one in read],
            [one.status for one in read],
            [one.changes for one in read],
            [one.told for one in read],
            [_faults_json(one.faults).decode() for one in read],
        )
        records: list[Record] = []
        for one in told:
            trace = one.delivery.trace or self._metadata.correlation_id
            records += encode(one.events, replace(self._metadata, correlation_id=trace))
        await append_only(self._conn, records)

    async def ask(self, delivery: StoredDelivery, records: Sequence[Change]) -> None:
        """Note that these records are to be read in the CRM."""
        if records:
            await driver_of(self._conn).execute(
                _ASK,
                self._metadata.tenant_id,
                delivery.connection_id,
                delivery.id,
                [change.kind for change in records],
                [change.external_id for change in records],
                [change.what for change in records],
            )

    async def compare(self, connection_id: UUID) -> None:
        """Let the connection be compared with its CRM as soon as that may be asked."""
        key = (self._metadata.tenant_id, connection_id)
        await driver_of(self._conn).execute(_COMPARE, *key)

    async def get(self, connection_id: UUID, id_: UUID) -> StoredDelivery | None:
        """Return one delivery of a connection."""
        question = select(DELIVERY).where(
            DELIVERY.c.connection_id == connection_id, DELIVERY.c.id == id_
        )
        row = (await self._conn.execute(question)).one_or_none()
        return _delivery_of(row) if row else None

    async def save(self, delivery: StoredDelivery) -> None:
        """Note what became of a delivery when it was replayed."""
        await self.settle([Telling(delivery, ())])

    async def after(
        self, connection_id: UUID, last: UUID | None, limit: int
    ) -> Sequence[StoredDelivery]:
        """Return `limit` deliveries of a connection after `last`, newest first."""
        query = select(DELIVERY).where(DELIVERY.c.connection_id == connection_id)
        if last is not None:
            query = query.where(DELIVERY.c.id < last)
        rows = await self._conn.execute(query.order_by(DELIVERY.c.id.desc()).limit(limit))
        return [_delivery_of(row) for row in rows]


def _opened(delivery: StoredDelivery, seal: Seal | None) -> bytes | None:
    if delivery.erased_at is not None or seal is None:
        return None
    try:
        return seal.open(delivery.sealed, delivery.id)
    except CannotOpen:  # its key went first: the row follows
        return None


def _pairs(rows: Sequence[Any]) -> frozenset[tuple[UUID, str]]:
    return frozenset((row["delivery_id"], row["key"]) for row in rows)


def _faults_json(faults: Sequence[ItemFault]) -> bytes:
    return orjson.dumps([_fault_json(fault) for fault in faults])


def _fault_json(fault: ItemFault) -> dict[str, str]:
    return {"change": fault.change, **asdict(fault.fault)}


def _delivery_of(row: Row[Any]) -> StoredDelivery:
    values = row._asdict()
    del values["tenant_id"]
    faults = tuple(
        ItemFault(one["change"], Fault(one["pointer"], one["code"], one["detail"]))
        for one in values.pop("faults")
    )
    return StoredDelivery(**values, faults=faults)
