"""What has been decided about pay: plans, assignments, quotas, closed periods, adjustments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from metrics_service.domain.adjustment import Adjustment, Status
from metrics_service.domain.assignment import Assignment
from metrics_service.domain.plan import Plan
from metrics_service.domain.quota import Quota
from onefunnel.reach import Span


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed period."""

    name: str
    closed_at: datetime


class PayDocuments(Protocol):
    """Lists of the pay aggregates, in the order of their ids: newest last, as ids are made in time."""

    async def plans(
        self, *, after: UUID | None, limit: int, seen: Sequence[Span] | None = None
    ) -> Sequence[Plan]:
        """Return plans with all their versions; of `seen` people, those they were assigned to meanwhile."""
        ...

    async def assignments(
        self,
        *,
        person: UUID | None,
        plan: UUID | None,
        after: UUID | None,
        limit: int,
        seen: Sequence[Span] | None = None,
    ) -> Sequence[Assignment]:
        """Return assignments of a person or to a plan; of `seen` people, those of the days they are seen."""
        ...

    async def assignment(self, assignment_id: UUID) -> Assignment | None:
        """Return one assignment, None if there is none."""
        ...

    async def quotas(
        self,
        *,
        person: UUID | None,
        period: str | None,
        after: UUID | None,
        limit: int,
        pairs: Sequence[tuple[UUID, str]] | None = None,
    ) -> Sequence[Quota]:
        """Return quotas of a person or a period; with `pairs` only of these people in these periods."""
        ...

    async def quota_pairs(self, people: Sequence[UUID]) -> Sequence[tuple[UUID, str]]:
        """Return some people with the periods for which they have a quota."""
        ...

    async def periods(self, *, after: str | None, limit: int) -> Sequence[Closed]:
        """Return closed periods by name."""
        ...

    async def adjustments(
        self,
        *,
        person: UUID | None,
        status: Status | None,
        after: UUID | None,
        limit: int,
        seen: Sequence[Span] | None = None,
    ) -> Sequence[Adjustment]:
        """Return adjustments of a person; of `seen` people, those of the days they are seen."""
        ...

    async def adjustment(self, adjustment_id: UUID) -> Adjustment | None:
        """Return one adjustment, None if there is none."""
        ...
