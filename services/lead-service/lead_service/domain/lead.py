"""A lead: somebody who showed interest, handed from marketing to sales until it becomes a deal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from lead_service.domain.funnel import Funnel, Side
from lead_service.domain.values import External
from onefunnel.errors import broken_rule, conflict
from onefunnel.events.deal import Origin
from onefunnel.events.lead import (
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    LeadMerged,
    LeadRecycled,
    LeadRejected,
    LeadUpdated,
    TouchRecorded,
)
from onefunnel.events.values import CampaignId, DealId, LeadId, PersonId

ReasonClass = Literal["procedural", "clerical", "definitional"]
Scalar = str | int | float | bool | None


class LeadState(StrEnum):
    """Where the hand-over stands; funnel steps are counted elsewhere, from the events."""

    CAPTURED = "captured"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RECYCLED = "recycled"
    DISQUALIFIED = "disqualified"
    CONVERTED = "converted"
    MERGED = "merged"


_S = LeadState
_ASSIGNABLE = {_S.CAPTURED, _S.ASSIGNED, _S.ACCEPTED, _S.REJECTED, _S.RECYCLED}
_CONVERTIBLE = {_S.CAPTURED, _S.ASSIGNED, _S.ACCEPTED, _S.RECYCLED}
_RECYCLABLE = {_S.CAPTURED, _S.ASSIGNED, _S.ACCEPTED, _S.REJECTED, _S.DISQUALIFIED}
_OPEN = {_S.CAPTURED, _S.ASSIGNED, _S.ACCEPTED, _S.RECYCLED}


@dataclass(frozen=True, slots=True)
class Contact:
    """Who the lead is, in words: kept here, in no event."""

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    company: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Labels:
    """What a lead is counted by."""

    source: str | None = None
    campaign_id: CampaignId | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """One contact with a lead; `human` is false for automatic mail."""

    id: UUID
    touched_at: datetime
    side: Side
    channel: str
    human: bool = True
    campaign_id: CampaignId | None = None
    person_id: PersonId | None = None
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead as it stands. Transitions return the next state and the event that says what happened."""

    id: LeadId
    state: LeadState
    captured_at: datetime | None
    funnel: str = "default"
    contact: Contact = field(default_factory=Contact)
    labels: Labels = field(default_factory=Labels)
    attributes: Mapping[str, Scalar] = field(repr=False, default_factory=dict)
    owner_id: PersonId | None = None
    qualified_at: datetime | None = None
    accepted_at: datetime | None = None
    converted_at: datetime | None = None
    deal_id: DealId | None = None
    merged_into: LeadId | None = None
    recycle_until: date | None = None
    external: External | None = None
    fingerprint: bytes | None = None  # of the command that captured it under its outside name

    def update(
        self, *, contact: Contact, labels: Labels, attributes: Mapping[str, Scalar]
    ) -> tuple["Lead", tuple[LeadUpdated, ...]]:
        """Correct what is known about the lead; there is an event only if labels changed."""
        self._expect(set(LeadState) - {_S.MERGED}, "change")
        updated = replace(self, contact=contact, labels=labels, attributes=attributes)
        if labels == self.labels:
            return updated, ()
        event = LeadUpdated(
            lead_id=self.id,
            source=labels.source,
            campaign_id=labels.campaign_id,
            segment=labels.segment,
        )
        return updated, (event,)

    def learnt(
        self, *, captured_at: datetime, qualified_at: datetime | None
    ) -> tuple["Lead", tuple[LeadUpdated, ...]]:
        """Take note of when the lead was captured and qualified, as somebody knows better by now."""
        self._expect(set(LeadState) - {_S.MERGED}, "change")
        learnt = replace(
            self, captured_at=captured_at, qualified_at=qualified_at or self.qualified_at
        )
        if learnt == self:
            return self, ()
        event = LeadUpdated(
            lead_id=self.id,
            source=self.labels.source,
            campaign_id=self.labels.campaign_id,
            segment=self.labels.segment,
            captured_at=learnt.captured_at,
            qualified_at=learnt.qualified_at,
        )
        return learnt, (event,)

    def assign(self, *, to: PersonId, at: datetime) -> tuple["Lead", LeadAssigned]:
        """Hand the lead to a person. One that sales had accepted stays accepted."""
        self._expect(_ASSIGNABLE, "assign")
        state = _S.ACCEPTED if self.state is _S.ACCEPTED else _S.ASSIGNED
        event = LeadAssigned(lead_id=self.id, owner_id=to, assigned_at=at)
        return replace(self, state=state, owner_id=to, recycle_until=None), event

    def accept(self, *, by: PersonId | None, at: datetime) -> tuple["Lead", LeadAccepted]:
        """Take the lead over before first contact."""
        self._expect({_S.ASSIGNED}, "accept")
        event = LeadAccepted(lead_id=self.id, accepted_by=by, accepted_at=at)
        first = min(self.accepted_at or at, at)
        return replace(self, state=_S.ACCEPTED, accepted_at=first), event

    def reject(
        self, *, by: PersonId | None, at: datetime, reason_class: ReasonClass
    ) -> tuple["Lead", LeadRejected]:
        """Refuse the lead before first contact; after contact it is disqualified instead."""
        self._expect({_S.ASSIGNED}, "reject")
        event = LeadRejected(
            lead_id=self.id, rejected_by=by, rejected_at=at, reason_class=reason_class
        )
        return replace(self, state=_S.REJECTED), event

    def recycle(
        self, *, at: datetime, until: date | None, reason: str
    ) -> tuple["Lead", LeadRecycled]:
        """Give the lead back to marketing until a date."""
        self._expect(_RECYCLABLE, "recycle")
        event = LeadRecycled(lead_id=self.id, recycled_at=at, until=until, reason=reason)
        return replace(self, state=_S.RECYCLED, recycle_until=until), event

    def disqualify(self, *, at: datetime, reason: str) -> tuple["Lead", LeadDisqualified]:
        """Give the lead up for good: it is no customer."""
        self._expect(_OPEN, "disqualify")
        event = LeadDisqualified(lead_id=self.id, disqualified_at=at, reason=reason)
        return replace(self, state=_S.DISQUALIFIED), event

    def convert(self, *, deal_id: DealId, at: datetime) -> tuple["Lead", LeadConverted]:
        """Let the lead become a deal."""
        self._expect(_CONVERTIBLE, "convert")
        event = LeadConverted(lead_id=self.id, deal_id=deal_id, converted_at=at)
        return replace(self, state=_S.CONVERTED, deal_id=deal_id, converted_at=at), event

    def had_owner(self, owner_id: PersonId, *, at: datetime) -> tuple["Lead", LeadAssigned]:
        """Take note of whose the lead was, as that became known after it had become a deal."""
        self._expect({_S.CONVERTED}, "change")
        event = LeadAssigned(lead_id=self.id, owner_id=owner_id, assigned_at=at)
        return replace(self, owner_id=owner_id), event

    def converted_since(self, at: datetime) -> tuple["Lead", LeadConverted]:
        """Take note that the lead became its deal at another time than was known."""
        self._expect({_S.CONVERTED}, "change")
        assert self.deal_id is not None, "a converted lead has its deal"
        event = LeadConverted(lead_id=self.id, deal_id=self.deal_id, converted_at=at)
        return replace(self, converted_at=at), event

    def merge(self, *, into: "Lead", at: datetime) -> tuple["Lead", LeadMerged]:
        """Say that the lead is the same person as another one, which survives."""
        if into.id == self.id:
            raise broken_rule("A lead cannot be merged into itself.", pointer="/into")
        self._expect(set(LeadState) - {_S.MERGED, _S.CONVERTED}, "merge")
        if into.state is _S.MERGED:
            raise conflict("The other lead was merged itself; merge into the one that survived.")
        event = LeadMerged(lead_id=self.id, into_lead_id=into.id, merged_at=at)
        return replace(self, state=_S.MERGED, merged_into=into.id), event

    def touch(self, touch: Touch) -> TouchRecorded:
        """Record a contact with the lead, in whatever state it is."""
        self._expect(set(LeadState) - {_S.MERGED}, "touch")
        return TouchRecorded(
            lead_id=self.id,
            touch_id=touch.id,
            touched_at=touch.touched_at,
            side=touch.side,
            channel=touch.channel,
            human=touch.human,
            campaign_id=touch.campaign_id,
            person_id=touch.person_id,
        )

    def origin(self, funnel: Funnel) -> Origin:
        """Return what a deal keeps of the lead for ever: its labels and its way through the lead steps."""
        times = {
            "lead.captured": self.captured_at,
            "lead.qualified": self.qualified_at,
            "lead.accepted": self.accepted_at,
            "lead.converted": self.converted_at,
        }
        entered = ((s.key, times.get(s.entry or "")) for s in funnel.steps if s.entity == "lead")
        return Origin(
            lead_id=self.id,
            source=self.labels.source,
            campaign_id=self.labels.campaign_id,
            segment=self.labels.segment,
            steps={key: at for key, at in entered if at is not None},
            owner_id=self.owner_id,
        )

    def _expect(self, states: set[LeadState], verb: str) -> None:
        if self.state not in states:
            legal = ", ".join(sorted(states))
            raise conflict(f"The lead is {self.state}; to {verb} it, it has to be one of: {legal}.")


def capture(lead: Lead) -> tuple[Lead, LeadCaptured]:
    """Log a new lead; one that names its owner is already handed over."""
    state = _S.ASSIGNED if lead.owner_id else _S.CAPTURED
    event = LeadCaptured(
        lead_id=lead.id,
        captured_at=lead.captured_at,
        funnel=lead.funnel,
        source=lead.labels.source,
        campaign_id=lead.labels.campaign_id,
        segment=lead.labels.segment,
        owner_id=lead.owner_id,
        qualified_at=lead.qualified_at,
    )
    return lead if lead.state is state else replace(lead, state=state), event
