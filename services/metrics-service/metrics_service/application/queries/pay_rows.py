"""What the pay pages read: the book, and the deals behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from metrics_service.projections.definitions import Definitions
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
    pairs: Sequence[tuple[UUID, str]] | None = None  # of a payee and a posted period


class CreditedDeal(NamedTuple):
    """A won deal that credits a person, with the facts up to a sequence of its events."""

    id: UUID
    facts: DealFacts
    sequence: int


class PayRows(Protocol):
    """The book and the credited deals of a tenant."""

    async def ledger(
        self, wanted: LedgerFilter, *, after: int | None, limit: int
    ) -> Sequence[LedgerRow]:
        """Return entries in the order they were posted, after the one with this id."""
        ...

    async def posted(self, payees: Sequence[UUID] | None) -> Sequence[tuple[UUID, str]]:
        """Return the payees, of some or of all, with the periods in which something was posted for them."""
        ...

    async def frozen_rules(self, period: str) -> Definitions | None:
        """Return the rules that a closed period was computed with, None while it is open."""
        ...

    async def frozen(self, person: UUID, period: str) -> Sequence[CreditedDeal]:
        """Return the deals that credited a person in a closed period, as they were at its close."""
        ...

    async def credited(self, person: UUID, first: date, last: date) -> Sequence[CreditedDeal]:
        """Return the won deals booked between two days, both inclusive, that credit a person."""
        ...

    async def credited_to(
        self, people: Sequence[UUID], first: date, last: date
    ) -> Sequence[tuple[UUID, UUID, DealFacts]]:
        """Return (person, deal, facts) for all won deals booked in between that credit one of them."""
        ...

    async def booking_events(self, deals: Sequence[CreditedDeal]) -> Mapping[UUID, list[UUID]]:
        """Return for each deal the events up to its sequence that decide about its booking."""
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
