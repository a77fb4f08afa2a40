"""Bodies of leads."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from lead_service.application.commands.deals import ConvertLead
from lead_service.application.commands.leads import (
    AcceptLead,
    AssignLead,
    CaptureLead,
    DisqualifyLead,
    LeadChanges,
    RecycleLead,
    RejectLead,
)
from lead_service.application.commands.touches import MergeLead, RecordTouch
from lead_service.domain.lead import Contact
from lead_service.entrypoints.schemas.deals import DealIn
from lead_service.entrypoints.schemas.values import (
    Attributes,
    Email,
    ExternalIn,
    Moment,
    Phone,
    Reference,
    changes,
    fingerprint,
    meant,
    outside,
    resolved,
)
from onefunnel.events.values import Code, Side
from onefunnel.http.bodies import Body, Day, Name, Words


class LeadIn(Body):
    """A lead as it comes in: who, from where, for whom."""

    external: ExternalIn | None = None
    captured_at: Moment | None = None
    funnel: Code = "default"
    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    company: Name | None = None
    source: Code | None = None
    campaign: Reference | None = None
    segment: Code | None = None
    owner: Reference | None = None
    attributes: Attributes = Field(default_factory=dict)

    def command(self, tenant_id: UUID, qualified_at: date | None = None) -> CaptureLead:
        """Return what is asked for; only an import knows when a lead was qualified."""
        return CaptureLead(
            qualified_at=qualified_at,
            external=outside(self.external),
            captured_at=self.captured_at,
            funnel=self.funnel,
            contact=Contact(self.name, self.email, self.phone, self.company),
            source=self.source,
            campaign_id=resolved(self.campaign, "campaign", tenant_id),
            segment=self.segment,
            owner_id=resolved(self.owner, "person", tenant_id),
            attributes=self.attributes,
            fingerprint=fingerprint(self, self.external),
        )


class LeadPatch(Body):
    """What is to be corrected; what is left out stays, null empties."""

    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    company: Name | None = None
    source: Code | None = None
    campaign: Reference | None = None
    segment: Code | None = None
    attributes: Attributes | None = None

    def changes(self, tenant_id: UUID) -> LeadChanges:
        """Return the named fields."""
        found: LeadChanges = changes(
            self, tenant_id, {"campaign": "campaign"}, required={"attributes"}
        )
        return found


class AssignIn(Body):
    """Who shall work the lead."""

    owner: Reference
    at: Moment | None = None

    def command(self, tenant_id: UUID, lead_id: UUID) -> AssignLead:
        """Return what is asked for."""
        return AssignLead(lead_id, meant(self.owner, "person", tenant_id), self.at)


class AcceptIn(Body):
    """Who takes the lead over; without a name, you do."""

    person: Reference | None = None
    at: Moment | None = None

    def command(self, tenant_id: UUID, lead_id: UUID, you: UUID | None) -> AcceptLead:
        """Return what is asked for."""
        return AcceptLead(lead_id, resolved(self.person, "person", tenant_id) or you, self.at)


class RejectIn(Body):
    """Why the lead is refused before first contact."""

    reason_class: Literal["procedural", "clerical", "definitional"]
    person: Reference | None = None
    at: Moment | None = None
    note: Words | None = None

    def command(self, tenant_id: UUID, lead_id: UUID, you: UUID | None) -> RejectLead:
        """Return what is asked for."""
        by = resolved(self.person, "person", tenant_id) or you
        return RejectLead(lead_id, self.reason_class, by, self.at, self.note)


class RecycleIn(Body):
    """Why the lead goes back to marketing, and until when."""

    reason: Code
    until: Day | None = None
    at: Moment | None = None
    note: Words | None = None

    def command(self, lead_id: UUID) -> RecycleLead:
        """Return what is asked for."""
        return RecycleLead(lead_id, self.reason, self.until, self.at, self.note)


class DisqualifyIn(Body):
    """Why the lead is no customer."""

    reason: Code
    at: Moment | None = None
    note: Words | None = None

    def command(self, lead_id: UUID) -> DisqualifyLead:
        """Return what is asked for."""
        return DisqualifyLead(lead_id, self.reason, self.at, self.note)


class ConvertIn(Body):
    """The deal that the lead becomes; what it leaves out comes from the lead."""

    deal: DealIn = DealIn()
    at: Moment | None = None

    def command(self, tenant_id: UUID, lead_id: UUID) -> ConvertLead:
        """Return what is asked for."""
        return ConvertLead(lead_id, self.deal.value(tenant_id), self.at)


class MergeIn(Body):
    """The lead that survives."""

    into: Reference

    def command(self, tenant_id: UUID, lead_id: UUID) -> MergeLead:
        """Return what is asked for."""
        return MergeLead(lead_id, meant(self.into, "lead", tenant_id))


class TouchIn(Body):
    """A contact with the lead."""

    side: Side
    channel: Code
    human: bool = True
    at: Moment | None = None
    campaign: Reference | None = None
    person: Reference | None = None
    note: Words | None = None

    def command(self, tenant_id: UUID, lead_id: UUID) -> RecordTouch:
        """Return what is asked for."""
        return RecordTouch(
            lead_id=lead_id,
            side=self.side,
            channel=self.channel,
            human=self.human,
            at=self.at,
            campaign_id=resolved(self.campaign, "campaign", tenant_id),
            person_id=resolved(self.person, "person", tenant_id),
            note=self.note,
        )


class LeadsIn(Body):
    """Up to 500 leads, each as in `POST /v1/leads`; each is taken or refused for itself."""

    # What is no lead stays as it came, so that it is refused for itself and not with all the others.
    items: Annotated[
        list[Annotated[LeadIn | dict[str, Any], Field(union_mode="left_to_right")]],
        Field(
            min_length=1,
            max_length=500,
            examples=[[{"name": "Anna Example", "email": "anna@example.com", "source": "web"}]],
        ),
    ]
