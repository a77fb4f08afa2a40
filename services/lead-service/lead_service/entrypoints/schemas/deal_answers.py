"""What answers about deals look like."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field

from lead_service.entrypoints.schemas.values import ExternalOut, MoneyOut, View


class LineOut(View):
    """A line as booked."""

    line_id: str
    product_id: UUID | None
    quantity: str
    list_minor: int | None
    revenue_minor: int
    cost_minor: int | None
    cost_assumed: bool


class CreditOut(View):
    """Who is credited."""

    person_id: UUID
    role: str
    split: str | None


class BookingOut(View):
    """What was booked; a correction has a higher version."""

    version: int
    at: datetime
    lines: list[LineOut]
    credits: list[CreditOut]


class OriginOut(View):
    """The lead behind the deal, as it was at conversion."""

    lead_id: UUID
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    steps: dict[str, datetime]


class DealOut(View):
    """A deal as it stands."""

    id: UUID
    state: str
    stage: str
    external: ExternalOut | None
    funnel: str
    name: str | None
    currency: str
    created_at: datetime | None
    recorded_at: datetime
    closed_at: datetime | None
    owner_id: UUID | None
    amount: MoneyOut | None
    account_id: UUID | None
    product_id: UUID | None
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    expected_close_on: date | None
    origin: OriginOut | None
    outcome: str | None
    competitor: str | None
    reason: str | None
    booking: BookingOut | None
    refunded: str
    paid: MoneyOut
    version: int


class ActivityOut(View):
    """Work on a deal."""

    PERSONAL: ClassVar = {"note": None}

    id: UUID
    deal_id: UUID
    at: datetime
    kind: str
    person_id: UUID | None
    two_way: bool
    note: str | None


class HistoryOut(View):
    """One fact of a timeline; `event_id` is the event that says so."""

    PERSONAL: ClassVar = {"note": None}

    sequence: int
    event_id: UUID
    what: str
    at: datetime
    left_at: datetime | None
    recorded_at: datetime
    actor_id: str
    from_: Annotated[str | None, Field(alias="from", validation_alias="from_state")]
    to: Annotated[str | None, Field(validation_alias="to_state")]
    details: dict[str, Any] | None
    note: str | None
