"""A subscriber of our webhooks: makes subscriptions, lets events happen, runs a sender, verifies what comes."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.adapters.sending import DatabaseAnnouncements, DatabaseClaims
from gateway.application.sealing import Seal
from gateway.entrypoints.consumers import handlers
from gateway.entrypoints.sender import Sender
from onefunnel.events.catalogue import Event, spec_of
from onefunnel.events.deal import DealCreated, DealLine, DealWon
from onefunnel.events.envelope import Metadata, decode, encode
from onefunnel.events.values import DealId
from onefunnel.http.outgoing import Outgoing, Rules
from onefunnel.ids import new_id
from onefunnel.testing.receiver import Got
from onefunnel.testing.waiting import until
from onefunnel.wakeups import Wakeups

PATH = "/v1/webhook-subscriptions"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def created(deal_id: UUID | None = None) -> DealCreated:
    return DealCreated(deal_id=DealId(deal_id or new_id()), created_at=AT, stage="proposal")


def won(deal_id: UUID) -> DealWon:
    lines = (DealLine(line_id="1", revenue_minor=70_000, cost_minor=40_000),
             DealLine(line_id="2", revenue_minor=5_050))  # fmt: skip
    return DealWon(
        deal_id=DealId(deal_id), version=1, at=AT, currency="EUR", lines=lines, credits=()
    )


@dataclass
class AheadClock:
    """The host's clock, as far ahead as the test says."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def records(gateway: Any, *events: Event, at: datetime | None = None) -> list[Any]:
    metadata = Metadata(
        gateway.tenant_id, "/services/lead-service", "system:x", "c", at or datetime.now(UTC)
    )
    return encode(events, metadata)


async def happen(gateway: Any, *found: Any) -> None:
    """Let the gateway take in records, as its reactions would."""
    worker = gateway.runtime.worker_database("gateway")
    for record in found:
        envelope = decode(record.value)
        async with worker.tenant(gateway.tenant_id) as conn:
            await handlers(DatabaseAnnouncements, AheadClock())[envelope.type](conn, envelope, None)


@dataclass
class Sending:
    """A sender that runs, and its clock."""

    clock: AheadClock
    wakeups: Wakeups

    def later(self, **by: float) -> None:
        """Move the clock and let the sender look."""
        self.clock.ahead += timedelta(**by)
        self.wakeups.wake()


@asynccontextmanager
async def sending(
    gateway: Any, *, rules: Rules | None = None, **options: Any
) -> AsyncIterator[Sending]:
    """Run a sender while the block runs."""
    clock, wakeups, stop = AheadClock(), Wakeups(), asyncio.Event()
    outgoing = Outgoing(rules or Rules(loopback=True), **options)
    claims = DatabaseClaims(gateway.runtime.worker_database("gateway"))
    listener = wakeups.listen()
    sender = Sender(claims, lambda: outgoing, Seal(gateway.runtime.internal_key), clock, listener)
    task = asyncio.create_task(sender.run(stop))
    try:
        yield Sending(clock, wakeups)
    finally:
        stop.set()
        wakeups.wake()
        await task


async def subscribed(gateway: Any, url: str, *events: str, **more: Any) -> dict[str, Any]:
    admin = await gateway.client("admin")
    made = await admin.post(PATH, json={"url": url, "events": events or ["deal.created"], **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def shown(gateway: Any, subscription: dict[str, Any]) -> dict[str, Any]:
    admin = await gateway.client("admin")
    return dict((await admin.get(f"{PATH}/{subscription['id']}")).json())


async def deliveries(gateway: Any, subscription: dict[str, Any], query: str = "") -> list[Any]:
    admin = await gateway.client("admin")
    answer = await admin.get(f"{PATH}/{subscription['id']}/deliveries{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def standing(gateway: Any, subscription: dict[str, Any], status: str, attempts: int) -> Any:
    """Wait until the newest delivery stands so, and return it."""
    found: list[Any] = []

    async def stands() -> bool:
        found[:] = await deliveries(gateway, subscription)
        return bool(found) and (found[0]["status"], found[0]["attempts"]) == (status, attempts)

    await until(stands)
    return found[0]


def verified(got: Got, *secrets: str) -> Any:
    """Verify a request as the standard says, by a reading of our own; return its content."""
    signed = b".".join(
        (got.headers["webhook-id"].encode(), got.headers["webhook-timestamp"].encode(), got.body)
    )
    sent = got.headers["webhook-signature"].split(" ")
    wanted = []
    for secret in secrets:
        kind, _, key = secret.partition("_")
        assert kind == "whsec"
        digest = hmac.digest(base64.b64decode(key, validate=True), signed, hashlib.sha256)
        wanted.append(f"v1,{base64.b64encode(digest).decode()}")
    assert sent == wanted
    return json.loads(got.body)


def type_of(event: Event) -> str:
    return spec_of(event).type
