"""Webhook subscriptions and their deliveries in PostgreSQL, as requests see them: one tenant's."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.keeping import secret_json, secret_of
from gateway.adapters.tables import WEBHOOK_DELIVERY, WEBHOOK_SUBSCRIPTION
from gateway.domain.subscription import OutgoingDelivery, Status, Subscription

_OF_A_DELIVERY: Final = tuple(one.name for one in fields(OutgoingDelivery))
_DELIVERY: Final = select(*(WEBHOOK_DELIVERY.c[name] for name in _OF_A_DELIVERY))
_ONE_BY_ONE: Final = text("SELECT pg_advisory_xact_lock(hashtext('webhook_subscription'))")


class SubscriptionRepository:
    """The subscriptions that one database connection sees."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, subscription: Subscription) -> None:
        """Insert a subscription."""
        await self._conn.execute(insert(WEBHOOK_SUBSCRIPTION).values(row_of(subscription)))

    async def count(self) -> int:
        """Count them; two that are made at once are counted one after the other."""
        await self._conn.execute(_ONE_BY_ONE)
        found = await self._conn.execute(select(func.count()).select_from(WEBHOOK_SUBSCRIPTION))
        return int(found.scalar_one())

    async def get(self, id_: UUID, *, for_change: bool = False) -> Subscription | None:
        """Return one, locked if it is to be changed: against others' changes, not against new deliveries."""
        question = select(WEBHOOK_SUBSCRIPTION).where(WEBHOOK_SUBSCRIPTION.c.id == id_)
        if for_change:
            question = question.with_for_update(key_share=True)
        row = (await self._conn.execute(question)).one_or_none()
        return subscription_of(row._asdict()) if row else None

    async def save(self, subscription: Subscription) -> None:
        """Write one back that was got for change."""
        await self._conn.execute(
            update(WEBHOOK_SUBSCRIPTION)
            .where(WEBHOOK_SUBSCRIPTION.c.id == subscription.id)
            .values(row_of(subscription))
        )

    async def remove(self, id_: UUID) -> bool:
        """Delete one; its deliveries go with it."""
        done = await self._conn.execute(
            delete(WEBHOOK_SUBSCRIPTION).where(WEBHOOK_SUBSCRIPTION.c.id == id_)
        )
        return done.rowcount > 0

    async def after(self, last: UUID | None, limit: int) -> Sequence[Subscription]:
        """Return `limit` subscriptions after `last`, newest first."""
        query = select(WEBHOOK_SUBSCRIPTION)
        if last is not None:
            query = query.where(WEBHOOK_SUBSCRIPTION.c.id < last)
        rows = await self._conn.execute(
            query.order_by(WEBHOOK_SUBSCRIPTION.c.id.desc()).limit(limit)
        )
        return [subscription_of(row._asdict()) for row in rows]


class OutgoingDeliveryRepository:
    """The deliveries that one database connection sees."""

    def __init__(self, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def add(self, delivery: OutgoingDelivery) -> None:
        """Insert a delivery."""
        row = {name: getattr(delivery, name) for name in _OF_A_DELIVERY}
        await self._conn.execute(
            insert(WEBHOOK_DELIVERY).values(row | {"tenant_id": self._tenant_id})
        )

    async def get(self, subscription_id: UUID, id_: UUID) -> OutgoingDelivery | None:
        """Return one of a subscription, locked."""
        question = _DELIVERY.where(
            WEBHOOK_DELIVERY.c.subscription_id == subscription_id, WEBHOOK_DELIVERY.c.id == id_
        )
        row = (await self._conn.execute(question.with_for_update())).one_or_none()
        return OutgoingDelivery(**row._asdict()) if row else None

    async def restart(self, delivery: OutgoingDelivery) -> None:
        """Write one back that is to be sent again, and take it from whoever is sending it."""
        await self._conn.execute(
            update(WEBHOOK_DELIVERY)
            .where(WEBHOOK_DELIVERY.c.id == delivery.id)
            .values(
                status=delivery.status,
                attempts=delivery.attempts,
                due_since=delivery.due_since,
                next_at=delivery.next_at,
                lease=None,
                lease_until=None,
            )
        )

    async def after(
        self, subscription_id: UUID, last: UUID | None, limit: int, *, status: Status | None
    ) -> Sequence[OutgoingDelivery]:
        """Return `limit` deliveries of a subscription after `last`, newest first."""
        query = _DELIVERY.where(WEBHOOK_DELIVERY.c.subscription_id == subscription_id)
        if status is not None:
            query = query.where(WEBHOOK_DELIVERY.c.status == status)
        if last is not None:
            query = query.where(WEBHOOK_DELIVERY.c.id < last)
        rows = await self._conn.execute(query.order_by(WEBHOOK_DELIVERY.c.id.desc()).limit(limit))
        return [OutgoingDelivery(**row._asdict()) for row in rows]


def row_of(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as it is kept."""
    row = {one.name: getattr(subscription, one.name) for one in fields(subscription)}
    return row | {
        "events": list(subscription.events),
        "secrets": [secret_json(secret) for secret in subscription.secrets],
    }


def subscription_of(row: Mapping[str, Any]) -> Subscription:
    """Return the subscription of a row."""
    values = dict(row) | {
        "events": tuple(row["events"]),
        "secrets": tuple(secret_of(one) for one in row["secrets"]),
    }
    return Subscription(**values)
