"""How deals end, and what comes after: corrections, refunds, payments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal
from uuid import UUID

from lead_service.application.commands.terms import moment
from lead_service.application.ports import Reference, Saved, Tx
from lead_service.application.views import DealView
from lead_service.domain.deal import Deal, Loss
from lead_service.domain.directory import Product
from lead_service.domain.values import When, check_sum
from onefunnel.errors import broken_rule
from onefunnel.events.deal import Credit, DealLine
from onefunnel.events.values import Money, PersonId, ProductId
from onefunnel.ids import new_id

CreditRole = Literal["owner", "overlay", "marketer"]


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line as it was sent; what it leaves out comes from the product."""

    id: str
    revenue_minor: int
    product_id: UUID | None = None
    quantity: str = "1"
    list_minor: int | None = None
    cost_minor: int | None = None
    cost_assumed: bool = False
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class CreditDraft:
    """Who is to be credited."""

    person_id: UUID
    role: CreditRole = "owner"
    split: str | None = None


@dataclass(frozen=True, slots=True)
class WinDeal:
    """Book a deal. No lines means one line of the deal's amount, no credits means its owner."""

    deal_id: UUID
    at: When | None = None
    lines: tuple[LineDraft, ...] | None = None
    credits: tuple[CreditDraft, ...] | None = None
    currency: str | None = None
    note: str | None = field(default=None, repr=False)


async def win_deal(command: WinDeal, *, tx: Tx) -> Saved[DealView]:
    """Book a deal with the list prices of now and the costs as sent."""
    await tx.references.require(_mentions(command))
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    lines, shares = await _booking(command, deal, tx)
    won, event = deal.win(at=at, lines=lines, shares=shares)
    return await tx.deals.save(won, event, note=command.note)


@dataclass(frozen=True, slots=True)
class CorrectDeal:
    """Book a won deal anew, because the booking was wrong."""

    win: WinDeal
    reason: str


async def correct_deal(command: CorrectDeal, *, tx: Tx) -> Saved[DealView]:
    """Replace the booking of a won deal by the next version; its date stays unless one is given."""
    win = command.win
    await tx.references.require(_mentions(win))
    deal = await tx.deals.get(win.deal_id)
    at = await moment(win.at if win.at is not None else deal.closed_at, tx=tx)
    lines, shares = await _booking(win, deal, tx)
    corrected, event = deal.correct(at=at, lines=lines, shares=shares)
    return await tx.deals.save(corrected, event, note=win.note, reason=command.reason)


async def _booking(
    command: WinDeal, deal: Deal, tx: Tx
) -> tuple[tuple[DealLine, ...], tuple[Credit, ...]]:
    deal.check_currency(command.currency, "/currency")
    for n, line in enumerate(command.lines or ()):
        deal.check_currency(line.currency, f"/lines/{n}/currency")
    drafts = command.lines if command.lines is not None else (_whole(deal),)
    products = await tx.products.known({d.product_id for d in drafts if d.product_id})
    lines = tuple(
        _line(d, products.get(d.product_id) if d.product_id else None, deal, n)
        for n, d in enumerate(drafts)
    )
    return lines, _credits(command.credits, deal, imported=tx.imported)


def _whole(deal: Deal) -> LineDraft:
    if deal.terms.amount is None:
        raise broken_rule(
            "The deal has no amount; send the lines that were sold.", pointer="/lines"
        )
    return LineDraft("1", deal.terms.amount.amount_minor, deal.terms.product_id)


def _line(draft: LineDraft, product: Product | None, deal: Deal, n: int) -> DealLine:
    return DealLine(
        line_id=draft.id,
        product_id=ProductId(draft.product_id) if draft.product_id else None,
        quantity=draft.quantity,
        list_minor=draft.list_minor
        if draft.list_minor is not None
        else _list_price(draft, product, deal, f"/lines/{n}"),
        revenue_minor=draft.revenue_minor,
        cost_minor=draft.cost_minor,
        cost_assumed=draft.cost_assumed and draft.cost_minor is not None,
    )


def _list_price(draft: LineDraft, product: Product | None, deal: Deal, pointer: str) -> int | None:
    """Return quantity × list price of the product; None where it has no list price."""
    if product is None or product.list_minor is None:
        return None
    deal.check_currency(product.currency, f"{pointer}/product")
    total = round(Fraction(draft.quantity) * product.list_minor)  # a half goes to the even unit
    check_sum(total, f"{pointer}/quantity")
    return total


def _credits(
    drafts: Sequence[CreditDraft] | None, deal: Deal, *, imported: bool
) -> tuple[Credit, ...]:
    if drafts is None:
        owner = deal.terms.owner_id
        drafts = (CreditDraft(owner),) if owner else ()
    if not imported and not any(draft.role == "owner" for draft in drafts):
        raise broken_rule("Credit at least one person as owner.", pointer="/credits")
    return tuple(
        Credit(person_id=PersonId(d.person_id), role=d.role, split=d.split) for d in drafts
    )


def _mentions(command: WinDeal) -> list[Reference]:
    lines, shares = command.lines or (), command.credits or ()
    products = [
        Reference("product", line.product_id, f"/lines/{n}/product")
        for n, line in enumerate(lines)
        if line.product_id
    ]
    people = [
        Reference("person", share.person_id, f"/credits/{n}/person")
        for n, share in enumerate(shares)
    ]
    return products + people


@dataclass(frozen=True, slots=True)
class LoseDeal:
    """End a deal without a sale."""

    deal_id: UUID
    loss: Loss
    at: When | None = None
    note: str | None = field(default=None, repr=False)


async def lose_deal(command: LoseDeal, *, tx: Tx) -> Saved[DealView]:
    """End a deal without a sale. People must choose an outcome, only imports may leave it open."""
    if command.loss.outcome == "unspecified" and not tx.imported:
        raise broken_rule(
            "Say how the deal was lost; `unspecified` is for imports.", pointer="/outcome"
        )
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    lost, event = deal.lose(at=at, loss=command.loss)
    return await tx.deals.save(lost, event, note=command.note)


@dataclass(frozen=True, slots=True)
class RefundDeal:
    """Pay back a share of a won deal, given as a fraction or as an amount."""

    deal_id: UUID
    fraction: str | None = None
    amount: Money | None = None
    at: When | None = None
    reason: str | None = None
    note: str | None = field(default=None, repr=False)


async def refund_deal(command: RefundDeal, *, tx: Tx) -> Saved[DealView]:
    """Pay back a share of a won deal."""
    if (command.fraction is None) == (command.amount is None):
        raise broken_rule("Give either a fraction or an amount.", pointer="/fraction")
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    share = deal.share_of(command.amount) if command.amount else Fraction(command.fraction or 0)
    refunded, event = deal.refund(refund_id=new_id(), at=at, share=share)
    return await tx.deals.save(refunded, event, note=command.note, reason=command.reason)


@dataclass(frozen=True, slots=True)
class ReceivePayment:
    """Note a payment by the customer."""

    deal_id: UUID
    amount: Money
    at: When | None = None
    note: str | None = field(default=None, repr=False)


async def receive_payment(command: ReceivePayment, *, tx: Tx) -> Saved[DealView]:
    """Note a payment by the customer."""
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    paid, event = deal.receive(payment_id=new_id(), at=at, amount=command.amount)
    return await tx.deals.save(paid, event, note=command.note)


@dataclass(frozen=True, slots=True)
class ReopenDeal:
    """Open a closed deal again."""

    deal_id: UUID
    at: When | None = None
    reason: str | None = None
    note: str | None = field(default=None, repr=False)


async def reopen_deal(command: ReopenDeal, *, tx: Tx) -> Saved[DealView]:
    """Open a closed deal again in its last step."""
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    opened, event = deal.reopen(at=at)
    return await tx.deals.save(opened, event, note=command.note, reason=command.reason)


@dataclass(frozen=True, slots=True)
class CancelDeal:
    """Undo a won deal."""

    deal_id: UUID
    at: When | None = None
    reason: str | None = None
    note: str | None = field(default=None, repr=False)


async def cancel_deal(command: CancelDeal, *, tx: Tx) -> Saved[DealView]:
    """Undo a won deal as if it had never been booked."""
    at = await moment(command.at, tx=tx)
    deal = await tx.deals.get(command.deal_id)
    cancelled, event = deal.cancel(at=at)
    return await tx.deals.save(cancelled, event, note=command.note, reason=command.reason)
