"""Sending what waits: signed as Standard Webhooks says, judged by the answer's code alone."""

import base64
import hashlib
import hmac
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from gateway.application.sealing import CannotOpen, Seal
from gateway.application.subscriptions import PREFIX
from gateway.domain.connection import SealedSecret
from gateway.domain.subscription import Attempt, OutgoingDelivery, Subscription
from onefunnel import faults
from onefunnel.clock import Clock

AGENT: Final = "Onefunnel-Webhooks/1"

# Sends headers and a body to a URL, under the guard of addresses; never raises for what the other side does.
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Attempt]]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that one sender has for a while, and the subscription it goes to."""

    lease: UUID
    delivery: OutgoingDelivery
    subscription: Subscription


class Claims(Protocol):
    """Deliveries of all tenants that are due; each is given to one sender at a time."""

    async def claim(self, now: datetime, limit: int) -> Sequence[Claimed]:
        """Take up to `limit` that are due, few per subscription, the oldest of each first."""
        ...

    async def note(self, claimed: Claimed, attempt: Attempt, now: datetime, draw: float) -> bool:
        """Keep what came of it, unless somebody else has it by now; say whether it was kept."""
        ...


async def deliver(
    claimed: Claimed, *, post: Post, claims: Claims, seal: Seal, clock: Clock
) -> Attempt:
    """Send one delivery and keep what came of it."""
    subscription, delivery, now = claimed.subscription, claimed.delivery, clock.now()
    try:
        keys = [_key(one, seal) for one in subscription.live_secrets(now)]
    except CannotOpen:  # sealed under another internal key than this installation has now
        attempt = Attempt(None, "secret-unreadable")
    else:
        headers = signed(str(delivery.event_id), delivery.body, keys, now)
        attempt = await post(subscription.url, headers, delivery.body)
    draw = random.random()  # noqa: S311 - spreads load, keeps no secret
    faults.point("webhook.after_send")
    await claims.note(claimed, attempt, clock.now(), draw)
    return attempt


def signed(id_: str, body: bytes, keys: Sequence[bytes], now: datetime) -> dict[str, str]:
    """Return the headers of one request, with one signature for each key."""
    stamp = str(int(now.timestamp()))
    message = f"{id_}.{stamp}.".encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{_mac(key, message)}" for key in keys),
    }


def _key(secret: SealedSecret, seal: Seal) -> bytes:
    text = seal.open(secret.sealed, secret.id).decode()
    return base64.b64decode(text.removeprefix(PREFIX))


def _mac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
