"""What people may do about definitions, attributes and ratings. Each is one transaction; the caller commits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from onefunnel.events import Event
from onefunnel.events.values import LeadId, Side
from onefunnel.ids import new_id
from scoring_service.application.ports import Tx
from scoring_service.domain.agreement import Signature, Status, Version, in_force
from scoring_service.domain.conditions import Scalar
from scoring_service.domain.lead_rating import Decision, LeadRating, Rating
from scoring_service.domain.lead_score import LeadScore
from scoring_service.domain.parties import Party


@dataclass(frozen=True, slots=True)
class DraftDefinition:
    """Propose a version of the definition; `document` is its checked JSON."""

    document: str
    effective_from: datetime | None


async def draft_definition(command: DraftDefinition, *, by: Party, tx: Tx) -> Version:
    """Add the next version as a draft. Drafts are not edited: change means another draft."""
    number = await tx.definitions.next_number()
    version = Version(number, command.document, Status.DRAFT, command.effective_from)
    await tx.definitions.put(version, by=by)
    return version


async def sign_definition(number: int, *, by: Party, tx: Tx) -> Version:
    """Sign a draft for the signer's own side."""
    side = by.signs_for()
    signature = Signature(by.principal_id, by.person_id, tx.now)
    version = (await tx.definitions.get(number)).sign(side, signature)
    await tx.definitions.put(version, by=by)
    return version


async def activate_definition(number: int, *, tx: Tx) -> tuple[Version, UUID]:
    """Bring a version with both signatures into force. Verdicts already given stay as they are."""
    draft = await tx.definitions.get(number)
    begun = [version.effective_from for version in await tx.definitions.in_force()]
    version, event = draft.activate(tx.definitions.id, at=tx.now, last=max(begun, default=None))
    return version, await tx.definitions.activate(version, event)


async def set_attributes(
    lead_id: LeadId, changes: Mapping[str, Scalar | None], *, tx: Tx
) -> tuple[LeadScore, UUID | None]:
    """Set what fit rules may ask about a lead, and judge it anew."""
    lead = (await tx.leads.get(lead_id)).with_attributes(dict(changes))
    judged, events = await judge(lead, at=tx.now, tx=tx)
    return judged, await tx.leads.save(judged, events)


async def judge(lead: LeadScore, *, at: datetime, tx: Tx) -> tuple[LeadScore, list[Event]]:
    """Score a lead after a fact of `at`, under the definitions of each moment."""
    versions = await tx.definitions.in_force()
    if not versions:
        return lead, []
    return lead.judged(await tx.leads.activities(lead.lead_id), versions, at=at)


@dataclass(frozen=True, slots=True)
class RateLead:
    """Rate a lead for one side; the reason is a code."""

    lead_id: LeadId
    side: Side
    score: int
    reason: str | None


async def rate_lead(command: RateLead, *, by: Party, tx: Tx) -> tuple[LeadRating, UUID]:
    """Take a side's rating, in place of its earlier one, and settle the two or open a case."""
    by.check_rates_for(command.side)
    version = in_force(await tx.definitions.in_force(), tx.now)
    rating = Rating(
        side=command.side,
        score=command.score,
        reason=command.reason,
        rater_id=by.person_id,
        rated_at=tx.now,
        definition_version=version.number if version else None,
    )
    lead = await tx.ratings.get(command.lead_id)
    rated, events = lead.rate(rating, case_id=new_id())
    await tx.ratings.keep(command.lead_id, rating, by=by)
    return rated, await tx.ratings.save(rated, events, by=by)


@dataclass(frozen=True, slots=True)
class DecideCase:
    """Decide between two ratings; the reason is in words and stays in this service."""

    case_id: UUID
    score: int
    reason: str = field(repr=False)


async def decide_case(command: DecideCase, *, by: Party, tx: Tx) -> tuple[LeadRating, UUID]:
    """Close a case with the one rating that counts. Nobody below a manager may, and nobody twice."""
    by.check_decides()
    lead = await tx.ratings.get(await tx.ratings.lead_of(command.case_id))
    decision = Decision(command.score, "manager", tx.now, by.person_id, command.reason)
    closed, events = lead.decide(command.case_id, decision)
    return closed, await tx.ratings.save(closed, events, by=by)
