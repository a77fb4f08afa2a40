"""How deals begin, move and change."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypedDict
from uuid import UUID

from lead_service.application.commands.terms import (
    beginning,
    identity,
    moment,
    references,
    taken,
)
from lead_service.application.ports import Reference, Saved, Tx
from lead_service.application.views import DealView, LeadView
from lead_service.domain.deal import Deal, Terms, open_deal
from lead_service.domain.funnel import Funnel
from lead_service.domain.lead import Lead, LeadState
from lead_service.domain.values import External, When
from onefunnel.errors import broken_rule
from onefunnel.events.values import AccountId, CampaignId, DealId, Money, PersonId, ProductId


@dataclass(frozen=True, slots=True)
class NewDeal:
    """What a deal starts with; what is left out comes from its lead, if it has one."""

    external: External | None = None
    name: str | None = field(default=None, repr=False)
    created_at: When | None = None
    funnel: str | None = None
    stage: str | None = None
    owner_id: UUID | None = None
    amount: Money | None = None
    currency: str | None = None
    account_id: UUID | None = None
    product_id: UUID | None = None
    source: str | None = None
    campaign_id: UUID | None = None
    segment: str | None = None
    expected_close_on: date | None = None
    fingerprint: bytes | None = (
        None  # tells a repetition from another deal of the same outside name
    )


@dataclass(frozen=True, slots=True)
class CreateDeal:
    """Open a deal, with or without a lead behind it."""

    deal: NewDeal = field(default_factory=NewDeal)
    lead_id: UUID | None = None


async def create_deal(command: CreateDeal, *, tx: Tx) -> Saved[DealView]:
    """Open a deal; a lead that it names becomes converted by it, or stays with its first deal."""
    await _check_mentions(command.deal, tx, prefix="")
    if command.lead_id is None:
        return await _open(command.deal, None, await _funnel(command.deal, None, tx), tx=tx)
    await tx.references.require([Reference("lead", command.lead_id, "/lead")])
    lead = await tx.leads.get(command.lead_id)
    if lead.state is LeadState.CONVERTED:
        return await _open(command.deal, lead, await _funnel(command.deal, lead, tx), tx=tx)
    _, deal = await _convert(lead, command.deal, command.deal.created_at, tx=tx)
    return deal


@dataclass(frozen=True, slots=True)
class ConvertLead:
    """Let a lead become a deal."""

    lead_id: UUID
    deal: NewDeal = field(default_factory=NewDeal)
    at: When | None = None


async def convert_lead(command: ConvertLead, *, tx: Tx) -> tuple[Saved[LeadView], Saved[DealView]]:
    """Convert a lead and open its deal, both or neither; the deal keeps where it came from."""
    await _check_mentions(command.deal, tx, prefix="/deal")
    lead = await tx.leads.get(command.lead_id)
    return await _convert(lead, command.deal, command.at, tx=tx)


async def _convert(
    lead: Lead, new: NewDeal, when: When | None, *, tx: Tx
) -> tuple[Saved[LeadView], Saved[DealView]]:
    at = await moment(when, tx=tx)
    deal_id = DealId(identity(new.external, "deal", tx=tx))
    converted, event = lead.convert(deal_id=deal_id, at=at)
    saved = await tx.leads.save(converted, event)
    funnel = await _funnel(new, lead, tx)
    deal = await _open(new, converted, funnel, tx=tx, deal_id=deal_id, otherwise=at)
    if not deal.created:
        raise taken("deal")
    return saved, deal


async def _funnel(new: NewDeal, lead: Lead | None, tx: Tx) -> Funnel:
    return await tx.settings.funnel(new.funnel or (lead.funnel if lead else "default"))


async def _open(
    new: NewDeal,
    lead: Lead | None,
    funnel: Funnel,
    *,
    tx: Tx,
    deal_id: DealId | None = None,
    otherwise: datetime | None = None,
) -> Saved[DealView]:
    currency = await _currency(new, tx)
    deal, event = open_deal(
        Deal(
            id=deal_id or DealId(identity(new.external, "deal", tx=tx)),
            stage=new.stage or _first_stage(funnel),
            currency=currency,
            created_at=await beginning(new.created_at or otherwise, tx=tx, pointer="/created_at"),
            terms=_terms(new, lead),
            funnel=funnel.code,
            name=new.name,
            origin=lead.origin(funnel) if lead else None,
            external=new.external,
            fingerprint=new.fingerprint,
        ),
        funnel,
    )
    return await tx.deals.add(deal, event) or await _created_before(deal, tx)


async def _created_before(deal: Deal, tx: Tx) -> Saved[DealView]:
    known = await tx.deals.get(deal.id)
    if known.fingerprint != deal.fingerprint:
        raise taken("deal")
    return await tx.deals.unchanged(deal.id)


async def _currency(new: NewDeal, tx: Tx) -> str:
    if new.amount and new.currency and new.amount.currency != new.currency:
        raise broken_rule("The amount is in another currency than the deal.", pointer="/currency")
    if new.amount:
        return new.amount.currency
    return new.currency or (await tx.settings.tenant()).currency


def _first_stage(funnel: Funnel) -> str:
    stages = funnel.stages()
    if not stages:
        raise broken_rule("The funnel has no step for an open deal.", pointer="/funnel")
    return stages[0]


def _terms(new: NewDeal, lead: Lead | None) -> Terms:
    origin = lead.labels if lead else None
    campaign_id = new.campaign_id or (origin.campaign_id if origin else None)
    owner_id = new.owner_id or (lead.owner_id if lead else None)
    return Terms(
        owner_id=PersonId(owner_id) if owner_id else None,
        amount=new.amount,
        account_id=AccountId(new.account_id) if new.account_id else None,
        product_id=ProductId(new.product_id) if new.product_id else None,
        source=new.source or (origin.source if origin else None),
        campaign_id=CampaignId(campaign_id) if campaign_id else None,
        segment=new.segment or (origin.segment if origin else None),
        expected_close_on=new.expected_close_on,
    )


async def _check_mentions(new: NewDeal, tx: Tx, *, prefix: str) -> None:
    await tx.references.require(
        references(
            ("person", new.owner_id, f"{prefix}/owner"),
            ("account", new.account_id, f"{prefix}/account"),
            ("product", new.product_id, f"{prefix}/product"),
            ("campaign", new.campaign_id, f"{prefix}/campaign"),
        )
    )


class DealChanges(TypedDict, total=False):
    """What a correction of a deal may name; what it leaves out stays."""

    name: str | None
    owner_id: UUID | None
    amount: Money | None
    account_id: UUID | None
    product_id: UUID | None
    source: str | None
    campaign_id: UUID | None
    segment: str | None
    expected_close_on: date | None


@dataclass(frozen=True, slots=True)
class UpdateDeal:
    """Correct what a deal is about."""

    deal_id: UUID
    changes: DealChanges = field(repr=False)
    seen: int


async def update_deal(command: UpdateDeal, *, tx: Tx) -> Saved[DealView]:
    """Correct a deal; its currency stays for good."""
    changes = command.changes
    mentions = references(
        ("person", changes.get("owner_id"), "/owner"),
        ("account", changes.get("account_id"), "/account"),
        ("product", changes.get("product_id"), "/product"),
        ("campaign", changes.get("campaign_id"), "/campaign"),
    )
    await tx.references.require(mentions)
    deal = await tx.deals.get(command.deal_id, seen=command.seen)
    updated, events = deal.update(
        name=changes.get("name", deal.name), terms=_changed(deal.terms, changes)
    )
    return await tx.deals.save(updated, *events)


def _changed(terms: Terms, changes: DealChanges) -> Terms:
    owner_id = changes.get("owner_id", terms.owner_id)
    account_id = changes.get("account_id", terms.account_id)
    product_id = changes.get("product_id", terms.product_id)
    campaign_id = changes.get("campaign_id", terms.campaign_id)
    return Terms(
        owner_id=PersonId(owner_id) if owner_id else None,
        amount=changes.get("amount", terms.amount),
        account_id=AccountId(account_id) if account_id else None,
        product_id=ProductId(product_id) if product_id else None,
        source=changes.get("source", terms.source),
        campaign_id=CampaignId(campaign_id) if campaign_id else None,
        segment=changes.get("segment", terms.segment),
        expected_close_on=changes.get("expected_close_on", terms.expected_close_on),
    )


@dataclass(frozen=True, slots=True)
class MoveDeal:
    """Move a deal to a step of its funnel."""

    deal_id: UUID
    stage: str
    at: When | None = None
    evidence: str | None = field(default=None, repr=False)
    corrects: UUID | None = None


async def move_deal(command: MoveDeal, *, tx: Tx) -> Saved[DealView]:
    """Move a deal, forward, back or past steps; the evidence stays here."""
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    funnel = await tx.settings.funnel(deal.funnel)
    moved, events = deal.move(to=command.stage, at=at, funnel=funnel, corrects=command.corrects)
    if not events:
        return await tx.deals.unchanged(deal.id)
    return await tx.deals.save(moved, *events, note=command.evidence)
