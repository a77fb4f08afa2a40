"""What happens to a lead."""

from datetime import date
from typing import Literal
from uuid import UUID

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import LEAD
from onefunnel.events.values import CampaignId, Code, DealId, Instant, LeadId, PersonId, Side


@event("onefunnel.lead.captured.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadCaptured(Event):
    """Somebody showed interest and was logged; without a time the lead is open but in no cohort.

    `qualified_at` is set where the system a lead was imported from had already called it qualified.
    """

    lead_id: LeadId
    captured_at: Instant | None
    funnel: Code = "default"
    source: Code | None = None
    campaign_id: CampaignId | None = None
    segment: Code | None = None
    owner_id: PersonId | None = None
    qualified_at: Instant | None = None


@event("onefunnel.lead.updated.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadUpdated(Event):
    """The lead's source, campaign or segment was corrected; all three are given as they now are.

    When it was captured and qualified is said only if it became known now.
    """

    lead_id: LeadId
    source: Code | None
    campaign_id: CampaignId | None
    segment: Code | None
    captured_at: Instant | None = None
    qualified_at: Instant | None = None


@event("onefunnel.lead.assigned.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadAssigned(Event):
    """The lead was handed over to a person."""

    lead_id: LeadId
    owner_id: PersonId
    assigned_at: Instant


@event("onefunnel.lead.accepted.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadAccepted(Event):
    """Sales took the lead over before first contact."""

    lead_id: LeadId
    accepted_by: PersonId | None
    accepted_at: Instant


@event("onefunnel.lead.rejected.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadRejected(Event):
    """Sales refused the lead before first contact."""

    lead_id: LeadId
    rejected_by: PersonId | None
    rejected_at: Instant
    reason_class: Literal["procedural", "clerical", "definitional"]


@event("onefunnel.lead.recycled.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadRecycled(Event):
    """The lead went back to marketing until a date."""

    lead_id: LeadId
    recycled_at: Instant
    until: date | None
    reason: Code


@event("onefunnel.lead.disqualified.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadDisqualified(Event):
    """After contact the lead proved to be no customer."""

    lead_id: LeadId
    disqualified_at: Instant
    reason: Code


@event("onefunnel.lead.converted.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadConverted(Event):
    """The lead became a deal."""

    lead_id: LeadId
    deal_id: DealId
    converted_at: Instant


@event("onefunnel.lead.merged.v1", topic=LEAD, aggregate="lead", key="lead_id")
class LeadMerged(Event):
    """The lead proved to be the same person as another one and counts no longer."""

    lead_id: LeadId
    into_lead_id: LeadId
    merged_at: Instant


@event("onefunnel.touch.recorded.v1", topic=LEAD, aggregate="lead", key="lead_id")
class TouchRecorded(Event):
    """Marketing or sales was in touch with the lead; `human` is false for automatic mail."""

    lead_id: LeadId
    touch_id: UUID
    touched_at: Instant
    side: Side
    channel: Code
    human: bool = True
    campaign_id: CampaignId | None = None
    person_id: PersonId | None = None
