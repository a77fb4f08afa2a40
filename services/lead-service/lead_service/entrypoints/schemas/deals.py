"""Bodies of deals."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from lead_service.application.commands.activities import LogActivity
from lead_service.application.commands.closing import (
    CancelDeal,
    CorrectDeal,
    CreditDraft,
    LineDraft,
    LoseDeal,
    ReceivePayment,
    RefundDeal,
    ReopenDeal,
    WinDeal,
)
from lead_service.application.commands.deals import CreateDeal, DealChanges, MoveDeal, NewDeal
from lead_service.domain.deal import Loss
from lead_service.domain.values import MAX_CREDITS, MAX_LINES
from lead_service.entrypoints.schemas.values import (
    ExternalIn,
    Moment,
    MoneyIn,
    Reference,
    changes,
    fingerprint,
    meant,
    outside,
    resolved,
)
from onefunnel.events.values import Code, DecimalText, Minor, StepKey
from onefunnel.http.bodies import Body, Day, Id, KnownCurrency, Name, Words

Outcome = Literal["lost_to_competitor", "status_quo", "disqualified", "ghosted", "unspecified"]


class DealIn(Body):
    """What a deal starts with."""

    external: ExternalIn | None = None
    name: Name | None = None
    created_at: Moment | None = None
    funnel: Code | None = None
    stage: StepKey | None = None
    owner: Reference | None = None
    amount: MoneyIn | None = None
    currency: KnownCurrency | None = None
    account: Reference | None = None
    product: Reference | None = None
    source: Code | None = None
    campaign: Reference | None = None
    segment: Code | None = None
    expected_close_on: Day | None = None

    def value(self, tenant_id: UUID) -> NewDeal:
        """Return the command's value."""
        return NewDeal(
            external=outside(self.external),
            name=self.name,
            created_at=self.created_at,
            funnel=self.funnel,
            stage=self.stage,
            owner_id=resolved(self.owner, "person", tenant_id),
            amount=self.amount.value() if self.amount else None,
            currency=self.currency,
            account_id=resolved(self.account, "account", tenant_id),
            product_id=resolved(self.product, "product", tenant_id),
            source=self.source,
            campaign_id=resolved(self.campaign, "campaign", tenant_id),
            segment=self.segment,
            expected_close_on=self.expected_close_on,
            fingerprint=fingerprint(self, self.external),
        )


class NewDealIn(DealIn):
    """A new deal, with the lead that it came from, if there is one."""

    lead: Reference | None = None

    def command(self, tenant_id: UUID) -> CreateDeal:
        """Return what is asked for."""
        return CreateDeal(self.value(tenant_id), resolved(self.lead, "lead", tenant_id))


class DealPatch(Body):
    """What is to be corrected; what is left out stays, null empties."""

    name: Name | None = None
    owner: Reference | None = None
    amount: MoneyIn | None = None
    account: Reference | None = None
    product: Reference | None = None
    source: Code | None = None
    campaign: Reference | None = None
    segment: Code | None = None
    expected_close_on: Day | None = None

    def changes(self, tenant_id: UUID) -> DealChanges:
        """Return the named fields."""
        found: DealChanges = changes(
            self,
            tenant_id,
            {"owner": "person", "account": "account", "product": "product", "campaign": "campaign"},
        )
        return found


class StageIn(Body):
    """Where the deal moves; the evidence is kept in words."""

    stage: StepKey
    at: Moment | None = None
    evidence: Words | None = None
    corrects: Id | None = None

    def command(self, deal_id: UUID) -> MoveDeal:
        """Return what is asked for."""
        return MoveDeal(deal_id, self.stage, self.at, self.evidence, self.corrects)


class LineIn(Body):
    """A line as sold, amounts for the whole line. Without a list price the product's is taken."""

    id: Code
    product: Reference | None = None
    quantity: DecimalText = "1"
    list_minor: Minor | None = None
    revenue_minor: Minor
    cost_minor: Minor | None = None
    cost_assumed: bool = False
    currency: KnownCurrency | None = None

    def value(self, tenant_id: UUID) -> LineDraft:
        """Return the command's value."""
        return LineDraft(
            id=self.id,
            product_id=resolved(self.product, "product", tenant_id),
            quantity=self.quantity,
            list_minor=self.list_minor,
            revenue_minor=self.revenue_minor,
            cost_minor=self.cost_minor,
            cost_assumed=self.cost_assumed,
            currency=self.currency,
        )


class CreditIn(Body):
    """Who is credited; owners' splits sum to exactly 1 or are all left out."""

    person: Reference
    role: Literal["owner", "overlay", "marketer"] = "owner"
    split: DecimalText | None = None

    def value(self, tenant_id: UUID) -> CreditDraft:
        """Return the command's value."""
        return CreditDraft(meant(self.person, "person", tenant_id), self.role, self.split)


Lines = Annotated[list[LineIn], Field(max_length=MAX_LINES)]
Credits = Annotated[list[CreditIn], Field(max_length=MAX_CREDITS)]


class WinIn(Body):
    """What was sold and who is credited."""

    at: Moment | None = None
    lines: Lines | None = None
    credits: Credits | None = None
    currency: KnownCurrency | None = None
    note: Words | None = None

    def command(self, tenant_id: UUID, deal_id: UUID) -> WinDeal:
        """Return what is asked for."""
        return WinDeal(
            deal_id=deal_id,
            at=self.at,
            lines=_all(self.lines, tenant_id),
            credits=_all(self.credits, tenant_id),
            currency=self.currency,
            note=self.note,
        )


def _all(items: list[Any] | None, tenant_id: UUID) -> tuple[Any, ...] | None:
    return None if items is None else tuple(item.value(tenant_id) for item in items)


class CorrectionIn(WinIn):
    """The booking as it should have been, and why."""

    lines: Lines
    reason: Code

    def correction(self, tenant_id: UUID, deal_id: UUID) -> CorrectDeal:
        """Return what is asked for."""
        return CorrectDeal(self.command(tenant_id, deal_id), self.reason)


class LoseIn(Body):
    """How and why the deal was lost."""

    outcome: Outcome
    reason: Code
    competitor: Code | None = None
    at: Moment | None = None
    note: Words | None = None

    def command(self, deal_id: UUID) -> LoseDeal:
        """Return what is asked for."""
        loss = Loss(self.outcome, self.reason, self.competitor)
        return LoseDeal(deal_id, loss, self.at, self.note)


class RefundIn(Body):
    """What share of the booking is paid back: a fraction or an amount."""

    fraction: DecimalText | None = None
    amount: MoneyIn | None = None
    at: Moment | None = None
    reason: Code | None = None
    note: Words | None = None

    def command(self, deal_id: UUID) -> RefundDeal:
        """Return what is asked for."""
        amount = self.amount.value() if self.amount else None
        return RefundDeal(deal_id, self.fraction, amount, self.at, self.reason, self.note)


class PaymentIn(Body):
    """What the customer paid."""

    amount: MoneyIn
    at: Moment | None = None
    note: Words | None = None

    def command(self, deal_id: UUID) -> ReceivePayment:
        """Return what is asked for."""
        return ReceivePayment(deal_id, self.amount.value(), self.at, self.note)


class ReasonIn(Body):
    """Why the deal is opened again, or undone."""

    at: Moment | None = None
    reason: Code | None = None
    note: Words | None = None

    def reopening(self, deal_id: UUID) -> ReopenDeal:
        """Return what is asked for."""
        return ReopenDeal(deal_id, self.at, self.reason, self.note)

    def cancellation(self, deal_id: UUID) -> CancelDeal:
        """Return what is asked for."""
        return CancelDeal(deal_id, self.at, self.reason, self.note)


class ActivityIn(Body):
    """Work on a deal."""

    deal: Reference
    kind: Code
    at: Moment | None = None
    person: Reference | None = None
    two_way: bool = False
    note: Words | None = None

    def command(self, tenant_id: UUID) -> LogActivity:
        """Return what is asked for."""
        return LogActivity(
            deal_id=meant(self.deal, "deal", tenant_id),
            kind=self.kind,
            at=self.at,
            person_id=resolved(self.person, "person", tenant_id),
            two_way=self.two_way,
            note=self.note,
        )
