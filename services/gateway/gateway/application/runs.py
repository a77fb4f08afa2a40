"""Reconciliations as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from gateway.domain.reconciliation import Reconciliation


@dataclass(frozen=True, slots=True)
class Known:
    """Up to when a connection's changes were read, by kind, and when both sides were counted last."""

    since: Mapping[str, datetime]
    counted_at: datetime | None = None


class Runs(Protocol):
    """The reconciliations of one tenant, in one transaction."""

    async def running(self, connection_id: UUID) -> Reconciliation | None:
        """Return the one that is under way."""
        ...

    async def add(self, connection_id: UUID, run: Reconciliation) -> None:
        """Begin one; the lane is due at once."""
        ...

    async def save(self, run: Reconciliation) -> None:
        """Write it back."""
        ...

    async def known(self, connection_id: UUID) -> Known:
        """Return what earlier ones have read."""
        ...

    async def ended(self, connection_id: UUID, known: Known, next_in_s: float) -> None:
        """Note what was read, and when the lane is due again."""
        ...

    async def later(self, connection_id: UUID, in_s: float) -> None:
        """Say when the lane is due again."""
        ...

    async def after(
        self, connection_id: UUID, last: UUID | None, limit: int
    ) -> Sequence[Reconciliation]:
        """Return `limit` reconciliations of a connection after `last`, newest first."""
        ...
