"""What may be done to webhook subscriptions and their deliveries."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from gateway.application.sealing import Seal
from gateway.domain.connection import SealedSecret
from gateway.domain.published import TEST, Published, thin
from gateway.domain.subscription import SECRET_BYTES, OutgoingDelivery, State, Status, Subscription
from onefunnel.errors import conflict, not_found
from onefunnel.ids import new_id

PREFIX: Final = "whsec_"
MAX_SUBSCRIPTIONS: Final = 100


class Subscriptions(Protocol):
    """The subscriptions of one tenant, in one transaction."""

    async def add(self, subscription: Subscription) -> None:
        """Remember a new one."""
        ...

    async def count(self) -> int:
        """Return how many there are; whoever counts next waits for the end of this transaction."""
        ...

    async def get(self, id_: UUID, *, for_change: bool = False) -> Subscription | None:
        """Return one, locked if it is to be changed; None if there is none."""
        ...

    async def save(self, subscription: Subscription) -> None:
        """Write one back that was got for change."""
        ...

    async def remove(self, id_: UUID) -> bool:
        """Forget one and its deliveries; say whether it was there."""
        ...

    async def after(self, last: UUID | None, limit: int) -> Sequence[Subscription]:
        """Return `limit` subscriptions after `last`, newest first."""
        ...


class OutgoingDeliveries(Protocol):
    """The deliveries of one tenant, in one transaction."""

    async def add(self, delivery: OutgoingDelivery) -> None:
        """Put one on its way."""
        ...

    async def get(self, subscription_id: UUID, id_: UUID) -> OutgoingDelivery | None:
        """Return one of a subscription, locked; None if there is none."""
        ...

    async def restart(self, delivery: OutgoingDelivery) -> None:
        """Write one back that is to be sent again; an attempt that is under way counts no more."""
        ...

    async def after(
        self, subscription_id: UUID, last: UUID | None, limit: int, *, status: Status | None
    ) -> Sequence[OutgoingDelivery]:
        """Return `limit` deliveries of a subscription after `last`, newest first, of one status or all."""
        ...


class Announcements(Protocol):
    """Who is told of an event, inside the transaction in which it is taken in."""

    async def announce(self, tenant_id: UUID, event: "Announced", now: datetime) -> None:
        """Put one delivery on its way to each active subscription that asks for it: once, however often."""
        ...


@dataclass(frozen=True, slots=True)
class Announced:
    """An event as webhooks tell it."""

    event_id: UUID
    type: str
    body: bytes
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Tell an endpoint of events. The URL has been looked at."""

    url: str
    events: Sequence[str]
    description: str = ""
    state: State = "active"


async def subscribe(
    command: Subscribe, *, tenant_id: UUID, known: Subscriptions, seal: Seal, now: datetime
) -> tuple[Subscription, str]:
    """Make a subscription and return it with its secret, which nobody can read again."""
    if await known.count() >= MAX_SUBSCRIPTIONS:
        raise conflict(f"There are {MAX_SUBSCRIPTIONS} subscriptions; delete one first.")
    text, sealed = _new_secret(seal, now)
    subscription = Subscription(
        id=new_id(),
        tenant_id=tenant_id,
        url=command.url,
        events=tuple(dict.fromkeys(command.events)),
        created_at=now,
        description=command.description,
        state=command.state,
        paused_because="owner" if command.state == "paused" else None,
        secrets=(sealed,),
    )
    await known.add(subscription)
    return subscription, text


async def got(known: Subscriptions, id_: UUID, *, for_change: bool = False) -> Subscription:
    """Return a subscription or say that there is none."""
    if (found := await known.get(id_, for_change=for_change)) is None:
        raise not_found("subscription")
    return found


async def saved(known: Subscriptions, subscription: Subscription) -> Subscription:
    """Write a changed subscription under its next version."""
    changed = replace(subscription, version=subscription.version + 1)
    await known.save(changed)
    return changed


async def unsubscribe(id_: UUID, *, known: Subscriptions) -> None:
    """Forget a subscription; what waits for it is not sent."""
    if not await known.remove(id_):
        raise not_found("subscription")


async def rotate(
    id_: UUID, *, known: Subscriptions, seal: Seal, now: datetime
) -> tuple[Subscription, str]:
    """Put a new secret in force; until the overlap ends both are signed with."""
    subscription = await got(known, id_, for_change=True)
    text, sealed = _new_secret(seal, now)
    return await saved(known, subscription.rotated(sealed, now=now)), text


async def replay(
    id_: UUID,
    delivery_id: UUID,
    *,
    known: Subscriptions,
    deliveries: OutgoingDeliveries,
    now: datetime,
) -> OutgoingDelivery:
    """Send a delivery again, under the id it always had."""
    _check_active(await got(known, id_))
    if (found := await deliveries.get(id_, delivery_id)) is None:
        raise not_found("delivery")
    again = found.again(now)
    await deliveries.restart(again)
    return again


async def send_test(
    id_: UUID, *, known: Subscriptions, deliveries: OutgoingDeliveries, now: datetime
) -> OutgoingDelivery:
    """Put an event on its way that tells of nothing, by the way of all others."""
    _check_active(await got(known, id_))
    event_id = new_id()
    body = body_of(TEST, now, {"subscription_id": str(id_)})
    delivery = OutgoingDelivery(
        id=new_id(),
        subscription_id=id_,
        event_id=event_id,
        type=TEST,
        body=body,
        created_at=now,
        due_since=now,
        next_at=now,
    )
    await deliveries.add(delivery)
    return delivery


def announced(
    published: Published,
    data: Mapping[str, Any],
    *,
    event_id: UUID,
    at: datetime,
    recorded_at: datetime,
) -> Announced:
    """Return an event of the log as webhooks tell it."""
    body = body_of(published.name, at, thin(published, data))
    return Announced(event_id, published.name, body, recorded_at)


def body_of(type_: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return the body that is signed and sent."""
    return orjson.dumps({"type": type_, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def _check_active(subscription: Subscription) -> None:
    if subscription.state != "active":
        raise conflict("The subscription is paused; set its state to active first.")


def _new_secret(seal: Seal, now: datetime) -> tuple[str, SealedSecret]:
    text = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    id_ = new_id()
    return text, SealedSecret(id_, seal.close(text.encode(), id_), now)
