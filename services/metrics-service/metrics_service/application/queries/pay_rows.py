"""What the pay pages read: the book, and the deals behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from metrics_service.projections.facts import DealFacts
from metrics_service.projections.keys import PayKey, PayVector


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the book, with the event it was posted for."""

    entry_id: int
    payee_id: UUID
    component: str
    earned_period: str
    posted_period: str
    account: str
    kind: str
    amount_minor: int
    currency: str
    plan_id: UUID | None
    plan_version: int | None
    cause_event_id: UUID
    cause_type: str | None
    cause_entity: UUID | None
    cause_at: datetime | None
    inputs: dict[str, Any]
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries are asked for; None is any."""

    payee: UUID | None = None
    posted_period: str | None = None
    earned_period: str | None = None
    component: str | None = None


class PayRows(Protocol):
    """The book and the credited deals of a tenant."""

    async def ledger(
        self, wanted: LedgerFilter, *, after: int | None, limit: int
    ) -> Sequence[LedgerRow]:
        """Return entries in the order they were posted, after the one with this id."""
        ...

    async def posted_later(self, payee: UUID, period: str) -> Mapping[str, int]:
        """Return by currency what was earned in a period and posted in a later one."""
        ...

    async def credited(
        self, person: UUID, first: date, last: date
    ) -> Sequence[tuple[UUID, DealFacts]]:
        """Return the won deals booked between two days, both inclusive, that credit a person."""
        ...

    async def credited_to(
        self, people: Sequence[UUID], first: date, last: date
    ) -> Sequence[tuple[UUID, UUID, DealFacts]]:
        """Return (person, deal, facts) for all won deals booked in between that credit one of them."""
        ...

    async def booking_events(self, deals: Sequence[UUID]) -> Mapping[UUID, list[UUID]]:
        """Return for each deal the events that decide about its booking, in their order."""
        ...

    async def closed_at(self, period: str) -> datetime | None:
        """Return when a period was closed."""
        ...

    async def reasons(self, person: UUID) -> Mapping[UUID, str]:
        """Return the reasons of a person's adjustments in words, by id."""
        ...

    async def totals(self, person: UUID | None, period: str) -> Sequence[tuple[PayKey, PayVector]]:
        """Return what was credited in a period, for a person or for everybody."""
        ...
