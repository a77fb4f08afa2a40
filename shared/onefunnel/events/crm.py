"""What a CRM told about one of its records, translated into our words."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import CRM
from onefunnel.events.values import Code, Currency, DealId, Instant, LeadId, PersonId, StepKey

# How a CRM names its record: never an address of a person, so there is no @ in it.
RecordName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:/&+=-]{0,199}$")]
# An amount as the CRM wrote it; whose currency has how many digits is known where it is booked.
AmountText = Annotated[str, StringConstraints(pattern=r"^-?\d{1,16}(\.\d{1,6})?$")]
Standing = Literal["open", "won", "lost", "qualified", "disqualified"]
Emptied = Literal["amount", "cost", "discount", "owner", "campaign", "origin", "lost_reason"]


@event("onefunnel.crm.change_received.v1", topic=CRM, aggregate="none", key="record_id")
class CrmChangeReceived(Event):
    """A CRM told something about one of its records; what it did not mention is left out.

    Changes come twice and out of order. `occurred_at` is the CRM's own time and `tie` decides between
    two of the same instant. `record_id` is the id of the lead or deal here: it follows from the name.
    """

    record_id: UUID
    occurred_at: Instant
    tie: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z:.-]{0,64}$")] = ""
    kind: Literal["deal", "lead"]
    source: Code
    external_id: RecordName
    connection_id: UUID
    delivery_id: UUID
    deleted: bool | None = None
    erased: Annotated[
        bool | None, Field(description="Whom the record is about asked the CRM to be forgotten.")
    ] = None
    merged_into: Annotated[
        RecordName | None,
        Field(description="The record of the same kind and source that lives on in its place."),
    ] = None
    created_at: Instant | None = None
    closed_at: Instant | None = None
    stage: StepKey | None = None
    standing: Standing | None = None
    amount: AmountText | None = None
    currency: Currency | None = None
    currency_assumed: Annotated[
        bool, Field(description="The CRM named no currency: this one stands in until it does.")
    ] = False
    cost: AmountText | None = None
    discount: AmountText | None = None
    owner_id: PersonId | None = None
    campaign_id: UUID | None = None
    origin: Code | None = None
    lead_id: LeadId | None = None
    deal_id: Annotated[DealId | None, Field(description="What a lead became.")] = None
    lost_reason: Code | None = None
    emptied: tuple[Emptied, ...] = Field(default=(), description="What the CRM says has no value.")
