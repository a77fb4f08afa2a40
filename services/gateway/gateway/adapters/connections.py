"""Connections and their deliveries in PostgreSQL."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.bodies import BodySeals
from gateway.adapters.keeping import connection_of, row_of, standing_of
from gateway.adapters.noting import note_look
from gateway.adapters.repositories import Transactions
from gateway.adapters.tables import CONNECTION, CONNECTION_ENDPOINT, DELIVERY
from gateway.application.deliveries import Claim, ItemFault, StoredDelivery, Telling
from gateway.application.sealing import CannotOpen
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from gateway.domain.webhooks.mapping import Fault
from gateway.domain.webhooks.reading import Change, Look
from onefunnel.errors import conflict
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.outbox.writer import append_only
from onefunnel.persistence.database import driver_of

MAX_REMEMBERED: Final = 10_000

_CLAIM = """
INSERT INTO delivery_key (tenant_id, connection_id, key, delivery_id, digest, record)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::bytea[], $6::text[])
ON CONFLICT (tenant_id, connection_id, key) DO NOTHING
RETURNING delivery_id, key"""
_KEEP = """
INSERT INTO delivery (tenant_id, id, connection_id, received_at, sealed, digest, secret_id, changes,
    told, status, faults, sealed_on)
SELECT $1, id, connection_id, received_at, sealed, digest, secret_id, changes, told, status,
    faults::jsonb, sealed_on
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::bytea[], $6::bytea[], $7::uuid[], $8::int[],
    $9::int[], $10::text[], $11::text[], $12::date[])
AS given (id, connection_id, received_at, sealed, digest, secret_id, changes, told, status, faults,
    sealed_on)"""

_ASK = """
INSERT INTO record_read (tenant_id, connection_id, delivery_id, kind, external_id, change)
SELECT $1, $2, $3, kind, external_id, max(change)
FROM unnest($4::text[], $5::text[], $6::text[]) AS hinted (kind, external_id, change)
GROUP BY kind, external_id
ON CONFLICT (tenant_id, connection_id, kind, external_id, delivery_id)
DO UPDATE SET attempts = 0, alone = FALSE, parked = FALSE"""

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

# A lane is there while there is access; whoever changes the connection tries again at once.
_LANE = """
INSERT INTO crm_lane (tenant_id, connection_id, reconcile_at, channel_at)
VALUES ($1, $2, now() + make_interval(mins => $3), CASE WHEN $4 THEN now() ELSE 'infinity' END)
ON CONFLICT (tenant_id, connection_id) DO UPDATE SET failures = 0, rest_until = '-infinity',
    channel_at = excluded.channel_at,
    reconcile_at = least(crm_lane.reconcile_at, excluded.reconcile_at)"""
_UNPARK = """
UPDATE record_read SET attempts = 0, alone = FALSE, parked = FALSE
WHERE tenant_id = $1 AND connection_id = $2 AND parked"""


class ConnectionRepository:
    """The connections that one database connection sees."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, connection: Connection) -> None:
        """Insert a connection and whose its endpoint is."""
        await self._conn.execute(insert(CONNECTION).values(row_of(connection)))
        await self._conn.execute(
            insert(CONNECTION_ENDPOINT).values(
                id=connection.endpoint_id,
                tenant_id=connection.tenant_id,
                connection_id=connection.id,
            )
        )
        await self._open_lane(connection)

    async def get(self, id_: UUID, *, for_change: bool = False) -> Connection | None:
        """Return one connection, locked if it is to be changed."""
        question = select(CONNECTION).where(CONNECTION.c.id == id_)
        found = await self._conn.execute(question.with_for_update() if for_change else question)
        row = found.one_or_none()
        return connection_of(row) if row else None

    async def save(self, connection: Connection) -> None:
        """Write a connection back that was got for change."""
        await self._conn.execute(
            update(CONNECTION).where(CONNECTION.c.id == connection.id).values(row_of(connection))
        )
        await self._open_lane(connection)

    async def _open_lane(self, connection: Connection) -> None:
        if connection.access is None:
            return
        driver, key = driver_of(self._conn), (connection.tenant_id, connection.id)
        has_channel = APIS[connection.provider].channels is not None
        await driver.execute(_LANE, *key, connection.access.reconcile_minutes, has_channel)
        await driver.execute(_UNPARK, *key)

    async def at(self, endpoint_ids: Collection[str]) -> Mapping[str, Connection]:
        """Return the connections behind endpoints."""
        question = select(CONNECTION).where(CONNECTION.c.endpoint_id.in_(endpoint_ids))
        found = (connection_of(row) for row in await self._conn.execute(question))
        return {connection.endpoint_id: connection for connection in found}

    async def after(self, last: UUID | None, limit: int) -> Sequence[Connection]:
        """Return `limit` connections after `last`, newest first."""
        query = select(CONNECTION).order_by(CONNECTION.c.id.desc()).limit(limit)
        if last is not None:
            query = query.where(CONNECTION.c.id < last)
        return [connection_of(row) for row in await self._conn.execute(query)]


class DatabaseEndpoints:
    """Whose an endpoint is, before anything else is known of a request. An endpoint never changes hands."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self._known: OrderedDict[str, UUID] = OrderedDict()

    async def tenant_of(self, endpoint_id: str) -> UUID | None:
        """Return the tenant of an endpoint, None if there is none."""
        if (known := self._known.get(endpoint_id)) is not None:
            return known
        async with self._database.transaction() as conn:
            table = CONNECTION_ENDPOINT
            found = await conn.execute(select(table.c.tenant_id).where(table.c.id == endpoint_id))
            tenant_id: UUID | None = found.scalar_one_or_none()
        if tenant_id is not None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.popitem(last=False)
            self._known[endpoint_id] = tenant_id
        return tenant_id


class DatabaseStandings:
    """How connections stand with their CRMs, under the worker role."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def change(self, seen: Connection, changed: Callable[[Connection], Connection]) -> None:
        """Change a connection whose access is still as it was seen; its version is its owner's."""
        async with self._database.tenant(seen.tenant_id) as conn:
            known = await ConnectionRepository(conn).get(seen.id, for_change=True)
            if known is None or known.access != seen.access:
                return
            await conn.execute(
                update(CONNECTION)
                .where(CONNECTION.c.id == seen.id)
                .values(standing_of(changed(known)))
            )


class DeliveryRepository:
    """The deliveries that one database connection sees."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, bodies: BodySeals) -> None:
        self._conn = conn
        self._metadata = metadata
        self._bodies = bodies

    async def claim(self, claims: Sequence[Claim]) -> set[tuple[UUID, str]]:
        """Note keys as taken; return those that no delivery had before, each with the delivery that took it."""
        # In one order, so that no two transactions wait for each other.
        ordered = sorted(claims, key=lambda one: (one.connection_id.int, one.key))
        rows = await driver_of(self._conn).fetch(
            _CLAIM,
            self._metadata.tenant_id,
            [one.connection_id for one in ordered],
            [one.key for one in ordered],
            [one.delivery_id for one in ordered],
            [one.digest for one in ordered],
            [one.record for one in ordered],
        )
        return {(row["delivery_id"], row["key"]) for row in rows}

    async def sealed(self, content: bytes, delivery_id: UUID, day: date) -> bytes:
        """Return a body as it may be kept."""
        tenant_id = self._metadata.tenant_id
        return await self._bodies.seal(self._conn, tenant_id, content, delivery_id, day)

    async def content(self, delivery: StoredDelivery) -> bytes:
        """Return the body of a delivery; raise `gone` if it was erased or its time is over."""
        if delivery.erased_at is None:
            try:
                return await self._bodies.open(
                    self._conn, delivery.sealed, delivery.id, delivery.sealed_on
                )
            except CannotOpen:  # its key went first: the row follows
                pass
        raise conflict("What came in was erased, and is not to be read or replayed.", code="gone")

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

    async def add(self, told: Sequence[Telling]) -> None:
        """Keep deliveries, and what they tell goes out with them or not at all."""
        kept = [one.delivery for one in told]
        await driver_of(self._conn).execute(
            _KEEP,
            self._metadata.tenant_id,
            [one.id for one in kept],
            [one.connection_id for one in kept],
            [one.received_at for one in kept],
            [one.sealed for one in kept],
            [one.digest for one in kept],
            [one.secret_id for one in kept],
            [one.changes for one in kept],
            [one.told for one in kept],
            [one.status for one in kept],
            [_faults_json(one.faults).decode() for one in kept],
            [one.sealed_on for one in kept],
        )
        records: list[Record] = []
        for one in told:
            trace = one.trace or self._metadata.correlation_id
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

    async def tell(self, events: Sequence[CrmChangeReceived]) -> None:
        """Send events out."""
        await append_only(self._conn, encode(events, self._metadata))

    async def get(self, connection_id: UUID, id_: UUID) -> StoredDelivery | None:
        """Return one delivery of a connection."""
        question = select(DELIVERY).where(
            DELIVERY.c.connection_id == connection_id, DELIVERY.c.id == id_
        )
        row = (await self._conn.execute(question)).one_or_none()
        return _delivery_of(row) if row else None

    async def save(self, delivery: StoredDelivery) -> None:
        """Note what became of a delivery when it was replayed."""
        await self._conn.execute(
            update(DELIVERY)
            .where(DELIVERY.c.id == delivery.id)
            .values(
                told=delivery.told,
                status=delivery.status,
                faults=[_fault_json(fault) for fault in delivery.faults],
            )
        )

    async def after(
        self, connection_id: UUID, last: UUID | None, limit: int
    ) -> Sequence[StoredDelivery]:
        """Return `limit` deliveries of a connection after `last`, newest first."""
        query = select(DELIVERY).where(DELIVERY.c.connection_id == connection_id)
        if last is not None:
            query = query.where(DELIVERY.c.id < last)
        rows = await self._conn.execute(query.order_by(DELIVERY.c.id.desc()).limit(limit))
        return [_delivery_of(row) for row in rows]


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
