"""The rules of a turn's tenants: as they were when it began, and as its reference events leave them."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from metrics_service.application.fold_routes import Incoming
from metrics_service.projections.affected import Affected, affected
from metrics_service.projections.definitions import Definitions

NO_RULES: Final = 0  # the number of a tenant's rules before its first reference event


class Numbered(NamedTuple):
    """The number of a tenant's present rules, and whether some entities still follow older ones."""

    number: int = NO_RULES
    pending: bool = False


class Change(NamedTuple):
    """What one reference event moves, and its place in the turn."""

    place: int
    affected: Affected


class TenantRules:
    """One tenant's rules in one turn."""

    __slots__ = ("before", "cause", "changes", "now", "number", "pending")

    def __init__(self, numbered: Numbered, definitions: Definitions) -> None:
        self.number, self.pending = numbered
        self.cause: UUID | None = None  # the last event that changed them
        self.before = definitions
        self.now = definitions
        self.changes: list[Change] = []

    def take(self, place: int, incoming: Incoming) -> None:
        """Take a reference event in."""
        assert incoming.sequence is not None
        earlier, type_ = self.now, incoming.route.spec.type
        self.now = earlier.apply(
            type_, incoming.event, event_id=incoming.event_id, sequence=incoming.sequence
        )
        moved = affected(earlier, self.now, type_, incoming.event)
        if self.now is not earlier:
            self.cause = incoming.event_id
        if moved != Affected():
            self.changes.append(Change(place, moved))

    @property
    def changed(self) -> bool:
        """Say whether the turn changed the rules."""
        return self.now is not self.before

    @property
    def last_change(self) -> int:
        """The place in the turn of the last event that moved something."""
        return max(change.place for change in self.changes)

    @property
    def affected(self) -> list[Affected]:
        """What the turn's reference events move."""
        return [change.affected for change in self.changes]


class RulesCache:
    """Snapshots by generation, tenant and number; immutable, so that a cached one is never wrong."""

    MAX: Final = 1_000

    def __init__(self) -> None:
        self._snapshots: dict[tuple[str, UUID, int], Definitions] = {}

    def get(self, generation: str, tenant_id: UUID, number: int) -> Definitions | None:
        """Return a snapshot that was read before."""
        if number == NO_RULES:
            return Definitions.empty()
        return self._snapshots.get((generation, tenant_id, number))

    def put(self, generation: str, tenant_id: UUID, number: int, snapshot: Definitions) -> None:
        """Keep a snapshot that a committed transaction holds."""
        if len(self._snapshots) >= self.MAX:
            self._snapshots.clear()
        self._snapshots[generation, tenant_id, number] = snapshot


def tenants_of(events: Sequence[Incoming]) -> Mapping[UUID, bool]:
    """Return the tenants of a turn, sorted, and whether it may change their rules."""
    changed = {incoming.tenant_id.int for incoming in events if incoming.route.rules}
    tenants = {incoming.tenant_id.int: incoming.tenant_id for incoming in events}
    return {tenants[number]: number in changed for number in sorted(tenants)}
