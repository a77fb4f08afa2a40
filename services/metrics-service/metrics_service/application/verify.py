"""Verify that every counter is a recount of the journal, every ledger sum what is owed, every id known."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from metrics_service.application.fold_recount import (
    Counted,
    Journal,
    Recount,
    rules_of,
    whole_entities,
)
from metrics_service.application.rebuild import Difference, Progress, compared
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import Key, LedgerKey, Vector

MAX_LISTED: Final = 1_000  # of each kind of finding; the counts are complete


class WrongCounter(NamedTuple):
    """A counter that is not what the journal says. None: there is no such row, or none should be."""

    tenant_id: UUID
    key: Key
    counted: Vector | None
    stored: Vector | None


class WrongEntity(NamedTuple):
    """An entity row that is not what the journal says."""

    tenant_id: UUID
    table: str
    id: UUID


class UnknownId(NamedTuple):
    """A foreign id that no event has introduced."""

    tenant_id: UUID
    named_by: str  # "deal.owner"
    id: str
    times: int


@dataclass(slots=True)
class Verdict:
    """What a verification found. Tenants in `stale` are being derived again and were not compared."""

    events: int = 0
    counters: int = 0
    entities: int = 0  # counted from the journal
    entities_stored: int = 0
    stale: Sequence[UUID] = ()
    wrong_counters: list[WrongCounter] = field(default_factory=list)
    wrong_entities: list[WrongEntity] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unknown_ids: Sequence[UnknownId] = ()

    @property
    def right(self) -> bool:
        """Say whether everything is as the journal says. Unknown ids are no error of ours."""
        wrong = self.wrong_counters or self.wrong_entities or self.differences
        return not wrong and self.entities == self.entities_stored


class Snapshot(Protocol):
    """The database as it was at one instant, while the fold goes on."""

    @property
    def journal(self) -> Journal:
        """Return the journal."""
        ...

    async def events(self) -> int:
        """Return how many events of entities the journal has."""
        ...

    async def stale(self) -> Sequence[UUID]:
        """Return the tenants of which something is being derived again."""
        ...

    async def differing(self, entities: Sequence[Counted]) -> Sequence[WrongEntity]:
        """Return those entities whose rows are not as counted."""
        ...

    async def entities(self) -> int:
        """Return how many entity rows there are."""
        ...

    async def counters(self) -> Mapping[UUID, Mapping[Key, Vector]]:
        """Return every counter."""
        ...

    async def posted(self) -> Mapping[UUID, Mapping[LedgerKey, int]]:
        """Return the sums of the book."""
        ...

    async def unknown_ids(self, limit: int) -> Sequence[UnknownId]:
        """Return foreign ids in entity rows that no event has introduced."""
        ...


class VerifyStore(Protocol):
    """Where snapshots come from."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """Open a snapshot."""
        ...


async def verify(store: VerifyStore, progress: Progress = lambda _done, _total: None) -> Verdict:
    """Recount everything and compare. The fold goes on meanwhile; the snapshot does not move."""
    async with store.snapshot() as snapshot:
        verdict = Verdict(events=await snapshot.events(), stale=await snapshot.stale())
        rules = await rules_of(snapshot.journal)
        recount = Recount(rules, await snapshot.journal.stepped_over())
        await _entities(snapshot, recount, verdict, progress)
        _counters(await snapshot.counters(), recount.totals, verdict)
        _book(await snapshot.posted(), rules, recount.totals, verdict)
        verdict.unknown_ids = await snapshot.unknown_ids(MAX_LISTED)
        return verdict


async def _entities(
    snapshot: Snapshot, recount: Recount, verdict: Verdict, progress: Progress
) -> None:
    done = 0
    async for rows in whole_entities(snapshot.journal.entities()):
        await _compare(snapshot, list(recount.count(rows)), verdict)
        done += len(rows)
        progress(done, verdict.events)
    await _compare(snapshot, list(recount.rest()), verdict)
    verdict.entities_stored = await snapshot.entities()


async def _compare(snapshot: Snapshot, counted: Sequence[Counted], verdict: Verdict) -> None:
    found = await snapshot.differing(counted)
    wrong = [one for one in found if one.tenant_id not in verdict.stale]
    verdict.wrong_entities += wrong[: MAX_LISTED - len(verdict.wrong_entities)]
    verdict.entities += len(counted)


def _counters(
    stored: Mapping[UUID, Mapping[Key, Vector]],
    counted: Mapping[UUID, Mapping[Key, Vector]],
    verdict: Verdict,
) -> None:
    for tenant_id in sorted({*stored, *counted} - {*verdict.stale}):
        here, there = stored.get(tenant_id, {}), counted.get(tenant_id, {})
        verdict.counters += len(here)
        for key in {*here, *there}:
            was, should = here.get(key), there.get(key)
            should = should if should is not None and any(should) else None
            if was != should and len(verdict.wrong_counters) < MAX_LISTED:
                verdict.wrong_counters.append(WrongCounter(tenant_id, key, should, was))


def _book(
    posted: Mapping[UUID, Mapping[LedgerKey, int]],
    rules: Mapping[UUID, Definitions],
    totals: Mapping[UUID, Mapping[Key, Vector]],
    verdict: Verdict,
) -> None:
    for tenant_id in sorted({*posted, *rules} - {*verdict.stale}):
        found = compared(
            rules.get(tenant_id) or Definitions.empty(),
            totals.get(tenant_id, {}),
            posted.get(tenant_id, {}),
        )
        verdict.differences += [Difference(tenant_id, *one) for one in found]
