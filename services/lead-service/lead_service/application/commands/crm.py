"""Follow a CRM's record: whatever it has told so far, the lead or deal here becomes what that amounts to.

Nothing depends on the order in which changes arrive: the record is merged first, and then the difference
between it and what is here is made good by the commands that people and imports use.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from lead_service.application.commands.closing import (
    CancelDeal,
    CorrectDeal,
    LineDraft,
    LoseDeal,
    ReopenDeal,
    WinDeal,
    cancel_deal,
    correct_deal,
    lose_deal,
    reopen_deal,
    win_deal,
)
from lead_service.application.commands.crm_leads import earliest, is_erased
from lead_service.application.commands.deals import CreateDeal, NewDeal, create_deal
from lead_service.application.commands.leads import RecycleLead, recycle_lead
from lead_service.application.ports import Tx
from lead_service.domain.crm import CrmRecord
from lead_service.domain.deal import Deal, DealState, Loss, Terms
from lead_service.domain.lead import Lead, LeadState
from onefunnel.currencies import CURRENCIES, exponent_of
from onefunnel.errors import broken_rule
from onefunnel.events.values import MAX_MINOR, CampaignId, Money, PersonId

_REASON: Final = "crm-correction"
_CONVERTIBLE: Final = {
    LeadState.CAPTURED,
    LeadState.ASSIGNED,
    LeadState.ACCEPTED,
    LeadState.RECYCLED,
    LeadState.DISQUALIFIED,
    LeadState.CONVERTED,
}


async def follow_deal(record: CrmRecord, *, tx: Tx) -> CrmRecord:
    """Make the deal what its record says; return the record with the steps that are now published."""
    if await tx.deals.find(record.id) is None:
        if record.only_ended:
            return record
        await _open(record, tx)
    record = await _agree_on_lead(record, await tx.deals.get(record.id), tx)
    await _agree_on_terms(record, await tx.deals.get(record.id), tx)
    passed = await _pass_steps(record, tx)
    await _agree_on_end(record, await tx.deals.get(record.id), tx)
    return passed


async def _open(record: CrmRecord, tx: Tx) -> None:
    currency = _currency(record) or (await tx.settings.tenant()).currency
    new = NewDeal(
        external=record.external,
        created_at=_time(record, "created_at"),
        owner_id=await _person(record, tx),
        amount=_money(record, "amount", currency),
        currency=currency,
        source=record.says("origin"),
        campaign_id=await _campaign(record, tx),
    )
    await create_deal(CreateDeal(new), tx=tx)


async def _agree_on_lead(record: CrmRecord, deal: Deal, tx: Tx) -> CrmRecord:
    """Let the deal know when it was opened and its lead, wherever that came from; one not here yet is waited for."""
    named = record.says("lead")
    lead = (await tx.leads.known([UUID(named)])).get(UUID(named)) if named else None
    if lead is not None and lead.state in _CONVERTIBLE and not await is_erased(lead.id, tx):
        lead = await _converted(lead, deal, earliest(record, lead.converted_at), tx)
    came_from = lead is not None and lead.state is LeadState.CONVERTED
    origin = lead.origin(await tx.settings.funnel(deal.funnel)) if lead and came_from else None
    learnt, events = deal.learnt(created_at=_time(record, "created_at"), origin=origin)
    if events:
        await tx.deals.save(learnt, *events)
    return replace(record, awaits=UUID(named) if named and not came_from else None)


async def _converted(lead: Lead, deal: Deal, at: datetime, tx: Tx) -> Lead:
    if lead.state is LeadState.CONVERTED:
        if lead.deal_id != deal.id or lead.converted_at == at:
            return lead
        lead, converted = lead.converted_since(at)
    else:
        if lead.state is LeadState.DISQUALIFIED:  # some CRMs delete a lead that became a deal
            await recycle_lead(RecycleLead(lead.id, _REASON, at=at), tx=tx)
            lead = await tx.leads.get(lead.id)
        lead, converted = lead.convert(deal_id=deal.id, at=at)
    await tx.leads.save(lead, converted)
    return lead


async def _agree_on_terms(record: CrmRecord, deal: Deal, tx: Tx) -> None:
    currency = _currency(record) or deal.currency
    if currency != deal.currency and record.says("standing") == "won" and deal.closed_at:
        # What was booked in the other currency is taken back, and booked anew with the win.
        await reopen_deal(ReopenDeal(deal.id, deal.closed_at, _REASON), tx=tx)
        deal = await tx.deals.get(deal.id)
    known, priced = deal.terms, deal.priced_in(currency)
    amount = _money(record, "amount", priced.currency) if record.told("amount") else known.amount
    owner_id = await _person(record, tx) if record.told("owner") else known.owner_id
    campaign_id = await _campaign(record, tx) if record.told("campaign") else known.campaign_id
    terms = Terms(
        owner_id=PersonId(owner_id) if owner_id else None,
        amount=amount,
        account_id=known.account_id,
        product_id=known.product_id,
        source=record.says("origin") if record.told("origin") else known.source,
        campaign_id=CampaignId(campaign_id) if campaign_id else None,
        segment=known.segment,
        expected_close_on=known.expected_close_on,
    )
    updated, events = priced.update(name=deal.name, terms=terms)
    if updated != deal:
        await tx.deals.save(updated, *events)


async def _pass_steps(record: CrmRecord, tx: Tx) -> CrmRecord:
    """Publish each step that the record has been in and that is not published, at its own time."""
    runs = record.runs("stage")
    deal = await tx.deals.get(record.id)
    funnel = await tx.settings.funnel(deal.funnel)
    before = next(iter(funnel.stages()), deal.stage)
    for at, step in runs:
        if (at, step) not in record.passed:
            deal = await tx.deals.get(record.id)
            moved, event = deal.passed(
                came_from=before, to=step, at=at, now_in=runs[-1][1], funnel=funnel
            )
            await tx.deals.save(moved, event)
        before = step
    return record.having_passed(runs)


async def _agree_on_end(record: CrmRecord, deal: Deal, tx: Tx) -> None:
    standing = record.says("standing")
    if record.says("deleted") == "true":
        await _end_deleted(record, deal, tx)
    elif standing == "won":
        await _agree_on_win(record, deal, tx)
    elif standing == "lost":
        await _agree_on_loss(_loss(record), _ended_at(record), deal, tx)
    elif deal.state is not DealState.OPEN and (standing == "open" or record.told("deleted")):
        at = (record.runs("standing") or record.runs("deleted"))[-1][0]
        await reopen_deal(ReopenDeal(deal.id, at, _REASON), tx=tx)


async def _end_deleted(record: CrmRecord, deal: Deal, tx: Tx) -> None:
    """Take a deleted deal out of every count: a win is undone, any other leaves the denominator."""
    at = record.runs("deleted")[-1][0]
    if record.says("standing") != "won":
        await _agree_on_loss(Loss("disqualified", "crm-deleted"), at, deal, tx)
    elif deal.state is not DealState.CANCELLED:
        await _agree_on_win(record, deal, tx)
        await cancel_deal(CancelDeal(deal.id, at, "crm-deleted"), tx=tx)


async def _agree_on_win(record: CrmRecord, deal: Deal, tx: Tx) -> None:
    at = _ended_at(record)
    if deal.state in {DealState.LOST, DealState.CANCELLED}:
        await reopen_deal(ReopenDeal(deal.id, at, _REASON), tx=tx)
    command = WinDeal(deal.id, at, _lines(record, deal))
    if deal.state is not DealState.WON:
        await win_deal(command, tx=tx)
    elif _booked(deal) != (at, _figures(command), deal.terms.owner_id):
        await correct_deal(CorrectDeal(command, _REASON), tx=tx)


def _booked(deal: Deal) -> tuple[object, object, object]:
    booking = deal.booking
    assert booking is not None
    lines = [(line.revenue_minor, line.list_minor, line.cost_minor) for line in booking.lines]
    owner = next((c.person_id for c in booking.credits if c.role == "owner"), None)
    return booking.at, lines, owner


def _figures(command: WinDeal) -> list[tuple[object, object, object]]:
    lines = command.lines or ()
    return [(line.revenue_minor, line.list_minor, line.cost_minor) for line in lines]


def _lines(record: CrmRecord, deal: Deal) -> tuple[LineDraft, ...]:
    """Return the one line that a CRM's deal amounts to; without an amount nothing was booked yet."""
    amount = deal.terms.amount
    if amount is None:
        return ()
    discount = _money(record, "discount", deal.currency)
    cost = _money(record, "cost", deal.currency)
    return (
        LineDraft(
            "1",
            amount.amount_minor,
            list_minor=amount.amount_minor + discount.amount_minor if discount else None,
            cost_minor=cost.amount_minor if cost else None,
        ),
    )


async def _agree_on_loss(loss: Loss, at: datetime, deal: Deal, tx: Tx) -> None:
    if deal.state is DealState.LOST and (deal.closed_at, deal.loss) == (at, loss):
        return
    if deal.state is not DealState.OPEN:
        await reopen_deal(ReopenDeal(deal.id, at, _REASON), tx=tx)
    await lose_deal(LoseDeal(deal.id, loss, at), tx=tx)


def _loss(record: CrmRecord) -> Loss:
    return Loss("unspecified", record.says("lost_reason") or "unspecified")


def _ended_at(record: CrmRecord) -> datetime:
    return _time(record, "closed_at") or record.runs("standing")[-1][0]


def _time(record: CrmRecord, name: str) -> datetime | None:
    text = record.says(name)
    return datetime.fromisoformat(text) if text else None


def _currency(record: CrmRecord) -> str | None:
    """Return what the CRM named, else what was assumed for it."""
    told = record.says("currency") or record.says("assumed_currency")
    if told is not None and told not in CURRENCIES:
        raise broken_rule("This is no currency of ISO 4217.", pointer="/currency")
    return told


def _money(record: CrmRecord, name: str, currency: str) -> Money | None:
    """Return an amount in minor units; one with more digits than its currency has is refused, not rounded."""
    text = record.says(name)
    if text is None:
        return None
    minor = Decimal(text).scaleb(exponent_of(currency))
    if minor != int(minor):
        raise broken_rule("The amount has more digits than its currency.", pointer=f"/{name}")
    if not 0 <= minor <= MAX_MINOR:
        raise broken_rule("The amount is negative or beyond 10^15 units.", pointer=f"/{name}")
    return Money(amount_minor=int(minor), currency=currency)


async def _person(record: CrmRecord, tx: Tx) -> UUID | None:
    """Return the owner if we know them; a queue, or somebody who was never imported, owns nothing here."""
    return await _known_id(record.says("owner"), tx.people.known)


async def _campaign(record: CrmRecord, tx: Tx) -> UUID | None:
    return await _known_id(record.says("campaign"), tx.campaigns.known)


async def _known_id(
    text: str | None, known: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, object]]]
) -> UUID | None:
    if text is None or not await known([UUID(text)]):
        return None
    return UUID(text)
