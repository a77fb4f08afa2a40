"""Records that a CRM only hinted at are read there, and told on as the CRM's own webhooks are.

One worker at a time has a connection's lane. A turn asks one question outside of any transaction and settles
its answer inside one: a process that dies in between has lost nothing but the question.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from gateway.application.asking import Asking, Trouble, Unreachable, backoff_s, trouble_of
from gateway.application.connections import Connections, DeliveryStore
from gateway.application.deliveries import Genuine, ItemFault, faults_without
from gateway.application.intake import packed_answer
from gateway.application.reading import take_in
from gateway.application.runs import Runs
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.calls import Api, Call, Reply
from gateway.domain.webhooks.mapping import Fault
from gateway.domain.webhooks.mapping import Mapping as FieldMapping
from gateway.domain.webhooks.reading import Change, Kind, Unreadable
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.events.envelope import Metadata

LEASE_S: Final = 60.0
MAX_TRIES: Final = 12

_log = telemetry.log("crm")


@dataclass(frozen=True, slots=True)
class Lane:
    """A connection in the hands of one worker, until its lease ends or somebody has a higher epoch."""

    tenant_id: UUID
    connection_id: UUID
    epoch: int
    failures: int
    due: bool  # to be reconciled
    channel_due: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that one delivery hinted at."""

    delivery_id: UUID
    kind: Kind
    external_id: str
    change: str
    attempts: int
    alone: bool

    @property
    def pointer(self) -> str:
        """Return where a fault of its reading is shown."""
        return f"/records/{self.kind}:{self.external_id}"


class LaneLost(Exception):
    """Another worker has the lane: nothing of this turn may be kept."""


class Lanes(Protocol):
    """What one turn reads and writes about a lane, inside its transaction."""

    async def hold(self) -> None:
        """Lock the lane for the rest of the transaction. Raises `LaneLost`."""
        ...

    async def waiting(self, limit: int) -> Sequence[Waiting]:
        """Return all that wait for up to `limit` records of one kind; one to be asked alone comes alone."""
        ...

    async def done(self, waiting: Sequence[Waiting]) -> None:
        """Take them off the list."""
        ...

    async def failed(self, waiting: Sequence[Waiting], *, alone: bool, park: bool) -> None:
        """Count one more attempt; those that are parked wait for a person."""
        ...

    async def channel_later(self, by: timedelta) -> None:
        """Say when the connection's channel is to be renewed."""
        ...

    async def let_go(self, *, rest_s: float, failures: int, trouble: str | None) -> None:
        """Give the lane back; nobody has it before the rest is over."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What a turn works with inside one transaction."""

    lane: Lanes
    connections: Connections
    deliveries: DeliveryStore
    runs: Runs


# What is done with an answer, inside the transaction that gives the lane back.
Settle = Callable[[Bench], Awaitable[Trouble | None]]


@dataclass(frozen=True)
class Means:
    """What a turn works with altogether."""

    ask: Asking
    clock: Clock
    bench: Callable[[Any, Lane, Metadata], Bench]


@dataclass(frozen=True, slots=True)
class Question:
    """What one turn asks, and for whom."""

    connection: Connection
    api: Api
    kind: Kind
    call: Call


async def asked(
    connection: Connection, call: Call, means: Means, *, also: frozenset[int] = frozenset()
) -> Reply | Trouble:
    """Ask a CRM; return its answer or what stood against it. `also` are more statuses that answer."""
    try:
        reply = await means.ask(connection, call)
    except Unreachable as error:
        return Trouble("crm-unavailable", str(error))
    if reply.status in also:
        return reply
    trouble = trouble_of(APIS[connection.provider], reply, means.clock.now())
    access = connection.access
    if reply.status == 401 and access is not None and access.grant and not access.doubted:
        return Trouble("token-ended", "The CRM takes the token no more.")
    return trouble or reply


def to_read(connection: Connection, waiting: Sequence[Waiting]) -> Question:
    """Return the question for the records that wait; several deliveries may wait for one of them."""
    api, kind = APIS[connection.provider], waiting[0].kind
    assert api.read is not None, "a connection whose records cannot be read has none that wait"
    ids = tuple(dict.fromkeys(one.external_id for one in waiting))
    return Question(connection, api, kind, api.read(kind, ids, fields_of(connection, kind)))


def fields_of(connection: Connection, kind: Kind) -> frozenset[str]:
    """Return the CRM's fields that the mapping speaks of."""
    mapping = FieldMapping(**connection.mapping)
    named = (mapping.deal if kind == "deal" else mapping.lead).values()
    conditions = (their for wanted in mapping.standing.values() for their in wanted)
    return frozenset((*named, *conditions))


async def read_waiting(connection: Connection, waiting: Sequence[Waiting], means: Means) -> Settle:
    """Ask for the records that wait; return what settles the answer."""
    try:
        question = to_read(connection, waiting)
    except Unreadable as error:
        return _cannot_ask(connection, waiting, error)
    answer = await asked(connection, question.call, means)

    async def settle(bench: Bench) -> Trouble | None:
        return await settle_read(question, waiting, answer, bench=bench, means=means)

    return settle


def _cannot_ask(connection: Connection, waiting: Sequence[Waiting], error: Unreadable) -> Settle:
    trouble = Trouble("request-refused", f"The CRM cannot be asked for it: {error}.")

    async def settle(bench: Bench) -> Trouble | None:
        await _not_read(connection, waiting, trouble, bench)
        return trouble

    return settle


async def settle_read(
    question: Question,
    waiting: Sequence[Waiting],
    answer: Reply | Trouble,
    *,
    bench: Bench,
    means: Means,
) -> Trouble | None:
    """Tell on what was read, or note at each delivery why it was not; return what stood against it."""
    if isinstance(answer, Trouble):
        await _not_read(question.connection, waiting, answer, bench)
        return answer
    try:
        changes = question.api.changes_of(question.kind, answer)
    except Unreadable as error:
        trouble = Trouble("unreadable-answer", f"The CRM's answer is not as documented: {error}.")
        await _not_read(question.connection, waiting, trouble, bench)
        return trouble
    await tell_answer(question, changes, answer.body, bench=bench, means=means)
    await bench.lane.done(waiting)
    there = {change.external_id for change in changes}
    for one in waiting:
        gone = one.external_id not in there
        fault = Fault(one.pointer, "not-there", "is not in the CRM any more") if gone else None
        await _note(question.connection, one, fault, bench)
    return None


async def tell_answer(
    question: Question, changes: Sequence[Change], body: bytes, *, bench: Bench, means: Means
) -> int:
    """Take an answer in as a delivery of its own; return how many changes of it were news."""
    if not changes:
        return 0
    content = packed_answer(question.kind, body)
    answer = Genuine(question.connection.id, means.clock.now(), content)
    stored = await take_in(answer, question.connection, changes, deliveries=bench.deliveries)
    return stored.told if stored else 0


async def _not_read(
    connection: Connection, waiting: Sequence[Waiting], trouble: Trouble, bench: Bench
) -> None:
    """Note a failure; being asked to come more rarely is none, and neither is a token that ended."""
    if trouble.passes:
        return
    # What the CRM does not answer to several at once is asked one by one: one bad id holds nobody up.
    single = len({one.external_id for one in waiting}) == 1
    hopeless = trouble.is_about_the_question and single
    parked = [one for one in waiting if hopeless or one.attempts + 1 >= MAX_TRIES]
    again = [one for one in waiting if one not in parked]
    await bench.lane.failed(parked, alone=False, park=True)
    await bench.lane.failed(again, alone=trouble.is_about_the_question, park=False)
    for one in waiting:
        code = "parked" if one in parked else trouble.code
        await _note(connection, one, Fault(one.pointer, code, trouble.detail), bench)


async def _note(connection: Connection, one: Waiting, fault: Fault | None, bench: Bench) -> None:
    delivery = await bench.deliveries.get(connection.id, one.delivery_id)
    if delivery is None:
        return
    kept = faults_without(delivery.faults, one.pointer)
    faults = (*kept, ItemFault(one.change, fault)) if fault else kept
    if faults != delivery.faults:
        await bench.deliveries.save(delivery.with_faults(faults))


def rest_after(api: Api, lane: Lane, trouble: Trouble | None) -> tuple[float, int]:
    """Return how long the CRM is left alone now, and how many failures that makes in a row."""
    pace_s = api.call_every_ms / 1_000
    if trouble is None or trouble.is_about_the_question:
        return pace_s, 0
    failures = lane.failures + (not trouble.passes)
    wait_s = trouble.wait_s if trouble.passes else backoff_s(lane.failures)
    _log.warning("crm.not_answered", connection_id=str(lane.connection_id), code=trouble.code)
    return max(pace_s, wait_s, trouble.wait_s), failures
