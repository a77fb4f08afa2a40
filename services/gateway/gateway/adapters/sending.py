"""Deliveries of all tenants on their way out, under the worker role: announced, claimed, noted, forgotten."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.repositories import Transactions
from gateway.adapters.subscriptions import row_of, subscription_of
from gateway.adapters.tables import WEBHOOK_DELIVERY, WEBHOOK_SUBSCRIPTION
from gateway.application.sending import Claimed
from gateway.application.subscriptions import Announced
from gateway.domain.published import PUBLISHED
from gateway.domain.subscription import Attempt, OutgoingDelivery, Subscription
from onefunnel.events.envelope import Envelope
from onefunnel.ids import new_id
from onefunnel.persistence.database import driver_of

LEASE: Final = timedelta(seconds=60)  # above all that one attempt may take
IN_FLIGHT_EACH: Final = 4
KEPT: Final = timedelta(days=30)
FORGET_AT_ONCE: Final = 5_000

# Key-share: a subscription that is being deleted is waited for and then not told, and one that is
# being changed is not in the way.
_ASKED: Final = """
SELECT id FROM webhook_subscription
WHERE tenant_id = $1 AND state = 'active' AND events ? $2 AND created_at <= $3
FOR KEY SHARE"""
_ASKED_FOR: Final = """
SELECT DISTINCT tenant_id, jsonb_array_elements_text(events)
FROM webhook_subscription WHERE tenant_id = ANY($1::uuid[]) AND state = 'active'"""
_ANNOUNCE: Final = """
INSERT INTO webhook_delivery
    (tenant_id, id, subscription_id, event_id, type, body, status, attempts, created_at, due_since, next_at)
SELECT $1, id, subscription_id, $4, $5, $6, 'waiting', 0, $7, $7, $7
FROM unnest($2::uuid[], $3::uuid[]) AS given (id, subscription_id)
ON CONFLICT (tenant_id, subscription_id, event_id) DO NOTHING"""
# Per subscription, so that one with a long queue or a slow answer takes its own places and no others.
_CLAIM: Final = """
WITH due AS (
    SELECT found.tenant_id, found.id FROM webhook_subscription s
    CROSS JOIN LATERAL (
        SELECT d.tenant_id, d.id FROM webhook_delivery d
        WHERE d.tenant_id = s.tenant_id AND d.subscription_id = s.id AND d.status = 'waiting'
          AND d.next_at <= $1 AND (d.lease_until IS NULL OR d.lease_until <= $1)
        ORDER BY d.next_at
        LIMIT greatest(0, $2 - (
            SELECT count(*) FROM webhook_delivery b
            WHERE b.tenant_id = s.tenant_id AND b.subscription_id = s.id
              AND b.status = 'waiting' AND b.lease_until > $1))
        FOR UPDATE SKIP LOCKED
    ) found
    WHERE s.state = 'active'
    ORDER BY random() LIMIT $3
)
UPDATE webhook_delivery d SET lease = $4, lease_until = $5
FROM due WHERE d.tenant_id = due.tenant_id AND d.id = due.id
RETURNING d.*"""
_FORGET: Final = """
DELETE FROM webhook_delivery WHERE (tenant_id, id) IN (
    SELECT tenant_id, id FROM webhook_delivery
    WHERE status <> 'waiting' AND coalesce(last_at, created_at) < $1 LIMIT $2)"""
_OF_A_DELIVERY: Final = tuple(one.name for one in fields(OutgoingDelivery))


class DatabaseAnnouncements:
    """Tells the subscriptions of one transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def announce(self, tenant_id: UUID, event: Announced, now: datetime) -> None:
        """Put one delivery on its way to each active subscription that asks for the event."""
        driver = driver_of(self._conn)
        rows = await driver.fetch(_ASKED, tenant_id, event.type, event.recorded_at)
        if not rows:
            return
        asked = [row["id"] for row in rows]
        ids = [new_id() for _ in asked]
        await driver.execute(
            _ANNOUNCE, tenant_id, ids, asked, event.event_id, event.type, event.body, now
        )


async def asked_for(conn: AsyncConnection, tenants: Collection[UUID]) -> Callable[[Envelope], bool]:
    """Return what says whether an event of these tenants concerns us: if it is told, somebody subscribed."""
    rows = await driver_of(conn).fetch(_ASKED_FOR, tenants)
    asked = {(row[0], row[1]) for row in rows}

    def concerns(envelope: Envelope) -> bool:
        published = PUBLISHED.get(envelope.type)
        return published is None or (envelope.tenantid, published.name) in asked

    return concerns


class DatabaseClaims:
    """What is due, in a database that sees all tenants."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def claim(self, now: datetime, limit: int) -> Sequence[Claimed]:
        """Take up to `limit` that are due, with their subscriptions."""
        lease = new_id()
        async with self._database.transaction() as conn:
            driver = driver_of(conn)
            rows = await driver.fetch(_CLAIM, now, IN_FLIGHT_EACH, limit, lease, now + LEASE)
            found = await self._subscriptions(conn, {row["subscription_id"] for row in rows})
        return [
            Claimed(lease, _delivery_of(row), found[row["subscription_id"]])
            for row in rows
            if row["subscription_id"] in found
        ]

    async def note(self, claimed: Claimed, attempt: Attempt, now: datetime, draw: float) -> bool:
        """Keep what came of it, on the delivery and, where it changes how the endpoint is, there."""
        async with self._database.transaction() as conn:
            # The subscription first, as whoever deletes it does: nobody waits for each other.
            subscription = await self._locked(conn, claimed.subscription.id)
            delivery = claimed.delivery.after(attempt, now, draw)
            mine = (WEBHOOK_DELIVERY.c.id == delivery.id) & (
                WEBHOOK_DELIVERY.c.lease == claimed.lease
            )
            values = {name: getattr(delivery, name) for name in _NOTED}
            noted = await conn.execute(
                update(WEBHOOK_DELIVERY)
                .where(mine)
                .values(values | {"lease": None, "lease_until": None})
            )
            if noted.rowcount == 0 or subscription is None:
                return False
            await self._mark(conn, subscription, attempt, now)
            return True

    async def forget(self, now: datetime) -> bool:
        """Delete deliveries that were done with long ago, some at a time; say whether there may be more."""
        async with self._database.transaction() as conn:
            done = await driver_of(conn).execute(_FORGET, now - KEPT, FORGET_AT_ONCE)
        return done == f"DELETE {FORGET_AT_ONCE}"

    async def _mark(
        self, conn: AsyncConnection, known: Subscription, attempt: Attempt, now: datetime
    ) -> None:
        seen = known.succeeded() if attempt.arrived else known.failed(attempt, now)
        if seen.state != known.state:
            seen = replace(seen, version=known.version + 1)
        if seen != known:
            await conn.execute(
                update(WEBHOOK_SUBSCRIPTION)
                .where(WEBHOOK_SUBSCRIPTION.c.id == known.id)
                .values(row_of(seen))
            )

    async def _locked(self, conn: AsyncConnection, id_: UUID) -> Subscription | None:
        question = select(WEBHOOK_SUBSCRIPTION).where(WEBHOOK_SUBSCRIPTION.c.id == id_)
        row = (await conn.execute(question.with_for_update(key_share=True))).one_or_none()
        return subscription_of(row._asdict()) if row else None

    async def _subscriptions(
        self, conn: AsyncConnection, ids: set[UUID]
    ) -> dict[UUID, Subscription]:
        if not ids:
            return {}
        question = select(WEBHOOK_SUBSCRIPTION).where(WEBHOOK_SUBSCRIPTION.c.id.in_(ids))
        found = [subscription_of(row._asdict()) for row in await conn.execute(question)]
        return {one.id: one for one in found}


_NOTED: Final = ("status", "attempts", "next_at", "last_at", "last_code", "last_error")


def _delivery_of(row: Any) -> OutgoingDelivery:
    return OutgoingDelivery(**{name: row[name] for name in _OF_A_DELIVERY})
