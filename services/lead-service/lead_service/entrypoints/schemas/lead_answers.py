"""What answers about leads look like."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from lead_service.application.commands.batches import ItemStatus
from lead_service.entrypoints.schemas.values import ExternalOut, View


class TakenLead(View):
    """What became of one lead; `index` is its place in the request."""

    index: int
    status: ItemStatus
    id: UUID | None
    event_id: UUID | None
    problem: dict[str, Any] | None


class LeadsOut(View):
    """What became of each lead, in the order of the request."""

    items: list[TakenLead]


class LeadOut(View):
    """A lead as it stands."""

    PERSONAL: ClassVar = {
        "name": None,
        "email": None,
        "phone": None,
        "company": None,
        "attributes": {},
    }

    id: UUID
    state: str
    external: ExternalOut | None
    captured_at: datetime | None
    recorded_at: datetime
    funnel: str
    name: str | None
    email: str | None
    phone: str | None
    company: str | None
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    attributes: dict[str, Any]
    owner_id: UUID | None
    qualified_at: datetime | None
    accepted_at: datetime | None
    converted_at: datetime | None
    deal_id: UUID | None
    merged_into: UUID | None
    recycle_until: date | None
    version: int


class TouchOut(View):
    """A contact with a lead."""

    PERSONAL: ClassVar = {"note": None}

    id: UUID
    lead_id: UUID
    touched_at: datetime
    side: str
    channel: str
    human: bool
    campaign_id: UUID | None
    person_id: UUID | None
    note: str | None
