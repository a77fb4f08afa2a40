"""What has been decided about pay: plans, assignments, quotas, closed periods, adjustments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from metrics_service.domain.adjustment import Adjustment
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed period."""

    name: str
    closed_at: datetime


class PayDocuments(Protocol):
    """Lists of the pay aggregates, in the order of their ids: newest last, as ids are made in time."""

    async def plans(self, *, after: UUID | None, limit: int) -> Sequence[Plan]:
        """Return plans with all their versions."""
        ...

    async def assignments(
        self, *, person: UUID | None, plan: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Assignment]:
        """Return assignments of a person or to a plan."""
        ...

    async def quotas(
        self, *, person: UUID | None, period: str | None, after: UUID | None, limit: int
    ) -> Sequence[Quota]:
        """Return quotas of a person or a period."""
        ...

    async def periods(self, *, after: str | None, limit: int) -> Sequence[Closed]:
        """Return closed periods by name."""
        ...

    async def adjustments(
        self, *, person: UUID | None, after: UUID | None, limit: int
    ) -> Sequence[Adjustment]:
        """Return adjustments of a person."""
        ...
