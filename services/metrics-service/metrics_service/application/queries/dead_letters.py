"""Dead letters: events that cannot be folded, and why; what waits behind them. Never their content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

DeadStatus = Literal["open", "redriven", "discarded"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be folded. `waiting` counts the events of its aggregate that wait for it."""

    id: int
    status: DeadStatus
    reason: str
    detail: str
    type: str | None
    event_id: UUID | None
    aggregate: str | None
    aggregate_id: UUID | None
    sequence: int | None
    topic: str
    partition: int
    position: int
    attempts: int
    died_at: datetime
    settled_at: datetime | None
    actor: str | None
    waiting: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A page of dead letters, oldest first."""

    items: list[DeadLetter]
    next_cursor: str | None


class DeadRows(Protocol):
    """The dead letters of the tenant."""

    async def dead(
        self, status: DeadStatus | None, *, after: int | None, limit: int
    ) -> Sequence[DeadLetter]:
        """Return dead letters, oldest first."""
        ...

    async def dead_one(self, dead_id: int) -> DeadLetter:
        """Return one, or raise not-found."""
        ...
