"""Finding the one bad event: one by one under savepoints, so that exactly it is dead.

Used where a turn failed for a reason that lies in the data, by redrive and by discard. Slow, and
rare: every event costs the statements of a whole turn.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from metrics_service.application.fold_order import AggregateKey, Dead, Ordered, dead
from metrics_service.application.fold_ports import Retry, Standing, Turn
from metrics_service.application.fold_routes import Incoming
from metrics_service.application.fold_rules import RulesCache
from metrics_service.application.fold_turn import Batch, How, fold
from onefunnel.log.ownership import ClaimLost

NOT_THE_EVENTS_FAULT: Final = (Retry, ClaimLost)


class _Contradicted(Exception):
    """The order of events said that this one is dead."""

    def __init__(self, dead: Dead) -> None:
        super().__init__(dead.reason)
        self.dead = dead


async def fold_one(
    turn: Turn, tenants: Mapping[UUID, bool], incoming: Incoming, *, released: bool = False
) -> Dead | None:
    """Fold one event, then what waited for it. Return it as dead, unburied, if it was the bad one.

    The caller holds the tenants' locks; asking again costs a statement and shows the rules as the
    events before have left them in this transaction.
    """
    found = await attempt(turn, tenants, incoming, released=released)
    if isinstance(found, Dead):
        return found
    if incoming in found.applied and incoming.sequence is not None:
        aggregate = (incoming.route.aggregate_code, incoming.id)
        await drain(turn, tenants, aggregate, incoming.sequence)
    return None


async def bury_one(turn: Turn, tenants: Mapping[UUID, bool], dead: Dead) -> None:
    """Bury an event, unless it was buried before: the log may hold a record twice."""
    standing = await _standing(turn, tenants)
    await fold(turn, standing, RulesCache(), Batch((), (dead,)), How(drain=False))


async def attempt(
    turn: Turn, tenants: Mapping[UUID, bool], incoming: Incoming, *, released: bool = False
) -> Ordered | Dead:
    """Fold one event under a savepoint; if it cannot be folded, undo that and return it as dead."""
    how = How(
        slowly=True,
        drain=False,
        released=frozenset({incoming.event_id}) if released else frozenset(),
    )
    standing = await _standing(turn, tenants)
    try:
        async with turn.savepoint():
            # Snapshots of this transaction are not to be remembered: it may be undone.
            return _alive(await fold(turn, standing, RulesCache(), Batch((incoming,)), how))
    except NOT_THE_EVENTS_FAULT:
        raise
    except _Contradicted as contradicted:
        return contradicted.dead
    except Exception as error:  # noqa: BLE001 - whatever the event does to us, it alone is set aside
        return dead(incoming, "poison", type(error).__name__, holds=True)


def _alive(found: Ordered) -> Ordered:
    if found.dead:
        raise _Contradicted(found.dead[0])
    return found


async def drain(
    turn: Turn, tenants: Mapping[UUID, bool], aggregate: AggregateKey, sequence: int
) -> None:
    """Apply what is parked behind a sequence, one by one; a bad one among them is buried."""
    code, id_ = aggregate
    for waiting in await turn.parked([id_]):
        if waiting.route.aggregate_code != code or (waiting.sequence or 0) > sequence + 1:
            continue
        found = await attempt(turn, tenants, waiting, released=True)
        await turn.unpark([waiting.event_id])
        if isinstance(found, Dead):
            await turn.bury([found])
            return
        sequence = max(sequence, waiting.sequence or 0)


async def _standing(turn: Turn, tenants: Mapping[UUID, bool]) -> Standing:
    standing = await turn.lock_tenants(tenants)
    return standing._replace(anything_parked=True, anything_dead=True)
