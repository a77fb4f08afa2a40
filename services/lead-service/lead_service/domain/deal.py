"""A deal: from its first step to won or lost, and what comes after."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Literal, TypeVar
from uuid import UUID

from lead_service.domain.booking import Booking, check_credits, check_lines, paid_back
from lead_service.domain.funnel import Funnel
from lead_service.domain.values import External, check_sum
from onefunnel.errors import broken_rule, conflict
from onefunnel.events.deal import (
    ActivityLogged,
    Credit,
    DealCancelled,
    DealCreated,
    DealLine,
    DealLost,
    DealRefunded,
    DealReopened,
    DealStageChanged,
    DealUpdated,
    DealWon,
    Origin,
    PaymentReceived,
)
from onefunnel.events.values import (
    AccountId,
    CampaignId,
    DealId,
    Money,
    PersonId,
    ProductId,
)

A = TypeVar("A")
Outcome = Literal["lost_to_competitor", "status_quo", "disqualified", "ghosted", "unspecified"]


class DealState(StrEnum):
    """Whether the deal is still worked on, and how it ended."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a deal is about and is counted by."""

    owner_id: PersonId | None = None
    amount: Money | None = None
    account_id: AccountId | None = None
    product_id: ProductId | None = None
    source: str | None = None
    campaign_id: CampaignId | None = None
    segment: str | None = None
    expected_close_on: date | None = None

    def taking_over(self, before: Origin | None, now: Origin | None) -> "Terms":
        """Return the terms with what a lead says of itself, where they have none or had it from the lead."""
        if now is None or now == before:
            return self

        def taken(own: A | None, old: A | None, new: A | None) -> A | None:
            return new if own is None or own == old else own

        old = before or Terms()
        return replace(
            self,
            owner_id=taken(self.owner_id, old.owner_id, now.owner_id),
            source=taken(self.source, old.source, now.source),
            campaign_id=taken(self.campaign_id, old.campaign_id, now.campaign_id),
            segment=taken(self.segment, old.segment, now.segment),
        )


@dataclass(frozen=True, slots=True)
class Loss:
    """How and why a deal was lost; the reason is a code, words are kept apart."""

    outcome: Outcome
    reason: str
    competitor: str | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal as it stands. Transitions return the next state and the event that says what happened."""

    id: DealId
    stage: str
    currency: str
    created_at: datetime | None
    terms: Terms
    state: DealState = DealState.OPEN
    funnel: str = "default"
    name: str | None = field(default=None, repr=False)
    origin: Origin | None = None
    closed_at: datetime | None = None
    loss: Loss | None = None
    booking: Booking | None = None
    booked_versions: int = 0
    refunded: Fraction = Fraction(0)
    paid_minor: int = 0
    external: External | None = None
    fingerprint: bytes | None = None  # of the command that opened it under its outside name

    def update(self, *, name: str | None, terms: Terms) -> tuple["Deal", tuple[DealUpdated, ...]]:
        """Correct what the deal is about; there is an event only if more than its name changed."""
        self._check_currency(terms.amount, "/amount")
        _check_amount(terms.amount)
        updated = replace(self, name=name, terms=terms)
        return updated, (updated.changed_fact(),) if terms != self.terms else ()

    def learnt(
        self, *, created_at: datetime | None, origin: Origin | None
    ) -> tuple["Deal", tuple[DealUpdated, ...]]:
        """Take note of when the deal was opened and which lead it came from, as that became known now.

        It takes from the lead what it has not got itself, as if it had been opened with it. Its first lead stays.
        """
        known = self.origin
        if origin is None or (known is not None and known.lead_id != origin.lead_id):
            origin = known
        learnt = replace(
            self,
            created_at=created_at or self.created_at,
            origin=origin,
            terms=self.terms.taking_over(known, origin),
        )
        if learnt == self:
            return self, ()
        fact = learnt.changed_fact()
        return learnt, (
            fact.model_copy(update={"created_at": learnt.created_at, "origin": origin}),
        )

    def priced_in(self, currency: str) -> "Deal":
        """Return the deal in another currency, which is possible until it is booked or money has moved on it."""
        if currency == self.currency:
            return self
        self._expect({DealState.OPEN, DealState.LOST}, "price anew")
        return replace(self, currency=currency)

    def move(
        self, *, to: str, at: datetime, funnel: Funnel, corrects: UUID | None = None
    ) -> tuple["Deal", tuple[DealStageChanged, ...]]:
        """Move to any step of the funnel, forward, back or past others; staying is no event."""
        self._expect({DealState.OPEN}, "move")
        funnel.check_stage(to, "/stage")
        if to == self.stage and corrects is None:
            return self, ()
        event = DealStageChanged(deal_id=self.id, from_=self.stage, to=to, at=at, corrects=corrects)
        return replace(self, stage=to), (event,)

    def passed(
        self, *, came_from: str, to: str, at: datetime, now_in: str, funnel: Funnel
    ) -> tuple["Deal", DealStageChanged]:
        """Take note of a step that the deal entered at some time, however late we hear of it.

        It may be closed by now and stand elsewhere: `now_in` is where it stands or stood last.
        """
        funnel.check_stage(to, "/stage")
        funnel.check_stage(now_in, "/stage")
        event = DealStageChanged(deal_id=self.id, from_=came_from, to=to, at=at)
        return replace(self, stage=now_in), event

    def win(
        self, *, at: datetime, lines: tuple[DealLine, ...], shares: tuple[Credit, ...]
    ) -> tuple["Deal", DealWon]:
        """Book the deal: lines with the cost of today, and who is credited."""
        self._expect({DealState.OPEN}, "win")
        return self._book(at, lines, shares)

    def correct(
        self, *, at: datetime, lines: tuple[DealLine, ...], shares: tuple[Credit, ...]
    ) -> tuple["Deal", DealWon]:
        """Book a won deal anew; the next version replaces the one before."""
        self._expect({DealState.WON}, "correct")
        return self._book(at, lines, shares)

    def _book(
        self, at: datetime, lines: tuple[DealLine, ...], shares: tuple[Credit, ...]
    ) -> tuple["Deal", DealWon]:
        check_lines(lines)
        check_credits(shares)
        booking = Booking(self.booked_versions + 1, at, lines, shares)
        event = DealWon(
            deal_id=self.id,
            version=booking.version,
            at=at,
            currency=self.currency,
            lines=lines,
            credits=shares,
        )
        won = replace(
            self,
            state=DealState.WON,
            closed_at=at,
            loss=None,
            booking=booking,
            booked_versions=booking.version,
        )
        return won, event

    def lose(self, *, at: datetime, loss: Loss) -> tuple["Deal", DealLost]:
        """End the deal without a sale."""
        self._expect({DealState.OPEN}, "lose")
        event = DealLost(
            deal_id=self.id,
            at=at,
            outcome=loss.outcome,
            competitor=loss.competitor,
            reason=loss.reason,
        )
        return replace(self, state=DealState.LOST, closed_at=at, loss=loss), event

    def reopen(self, *, at: datetime) -> tuple["Deal", DealReopened]:
        """Open a closed deal again in its last step."""
        self._expect({DealState.LOST, DealState.WON, DealState.CANCELLED}, "reopen")
        if self.refunded or self.paid_minor:
            raise conflict("Money has moved on this deal; correct the booking instead.")
        opened = replace(self, state=DealState.OPEN, closed_at=None, loss=None, booking=None)
        return opened, DealReopened(deal_id=self.id, at=at)

    def cancel(self, *, at: datetime) -> tuple["Deal", DealCancelled]:
        """Undo a won deal as if it had never been booked."""
        self._expect({DealState.WON}, "cancel")
        cancelled = replace(self, state=DealState.CANCELLED, closed_at=at)
        return cancelled, DealCancelled(deal_id=self.id, at=at)

    def refund(
        self, *, refund_id: UUID, at: datetime, share: Fraction
    ) -> tuple["Deal", DealRefunded]:
        """Pay back a share of what was booked; all shares are at most the whole."""
        self._expect({DealState.WON}, "refund")
        refunded, published = paid_back(self.refunded, share)
        event = DealRefunded(deal_id=self.id, refund_id=refund_id, at=at, fraction=published)
        return replace(self, refunded=refunded), event

    def share_of(self, amount: Money) -> Fraction:
        """Return what share of the booking an amount is."""
        self._expect({DealState.WON}, "refund")
        self._check_currency(amount, "/amount/currency")
        assert self.booking is not None
        if self.booking.revenue_minor == 0:
            raise broken_rule("Nothing was booked that could be paid back.", pointer="/amount")
        return Fraction(amount.amount_minor, self.booking.revenue_minor)

    def receive(
        self, *, payment_id: UUID, at: datetime, amount: Money
    ) -> tuple["Deal", PaymentReceived]:
        """Take note of a payment by the customer."""
        self._expect({DealState.WON}, "pay")
        self._check_currency(amount, "/amount/currency")
        if amount.amount_minor <= 0:
            raise broken_rule("A payment is above zero.", pointer="/amount/amount_minor")
        paid = self.paid_minor + amount.amount_minor
        check_sum(paid, "/amount/amount_minor")
        event = PaymentReceived(deal_id=self.id, payment_id=payment_id, at=at, amount=amount)
        return replace(self, paid_minor=paid), event

    def log(self, activity: "Activity") -> ActivityLogged:
        """Record work on the deal, in whatever state it is."""
        return ActivityLogged(
            deal_id=self.id,
            activity_id=activity.id,
            at=activity.at,
            kind=activity.kind,
            person_id=activity.person_id,
            two_way=activity.two_way,
        )

    def changed_fact(self) -> DealUpdated:
        """Return the event that says what the deal is about now."""
        terms = self.terms
        return DealUpdated(
            deal_id=self.id,
            owner_id=terms.owner_id,
            amount=terms.amount,
            account_id=terms.account_id,
            product_id=terms.product_id,
            source=terms.source,
            campaign_id=terms.campaign_id,
            segment=terms.segment,
            expected_close_on=terms.expected_close_on,
        )

    def check_currency(self, currency: str | None, pointer: str) -> None:
        """Refuse an amount in another currency than the deal's; None is the deal's own."""
        if currency is not None and currency != self.currency:
            raise broken_rule(
                "The currency is not the deal's; a deal has one currency for good.", pointer=pointer
            )

    def _check_currency(self, amount: Money | None, pointer: str) -> None:
        self.check_currency(amount.currency if amount else None, pointer)

    def _expect(self, states: set[DealState], verb: str) -> None:
        if self.state not in states:
            legal = ", ".join(sorted(states))
            raise conflict(f"The deal is {self.state}; to {verb} it, it has to be {legal}.")


@dataclass(frozen=True, slots=True)
class Activity:
    """Somebody worked on a deal: a call, a meeting."""

    id: UUID
    deal_id: DealId
    at: datetime
    kind: str
    person_id: PersonId | None = None
    two_way: bool = False
    note: str | None = field(default=None, repr=False)


def open_deal(deal: Deal, funnel: Funnel) -> tuple[Deal, DealCreated]:
    """Open a deal in a step of its funnel."""
    funnel.check_stage(deal.stage, "/stage")
    terms = deal.terms
    _check_amount(terms.amount)
    event = DealCreated(
        deal_id=deal.id,
        created_at=deal.created_at,
        funnel=deal.funnel,
        stage=deal.stage,
        owner_id=terms.owner_id,
        amount=terms.amount,
        account_id=terms.account_id,
        product_id=terms.product_id,
        source=terms.source,
        campaign_id=terms.campaign_id,
        segment=terms.segment,
        expected_close_on=terms.expected_close_on,
        origin=deal.origin,
    )
    return deal, event


def _check_amount(amount: Money | None) -> None:
    if amount is not None and amount.amount_minor < 0:
        raise broken_rule("A deal's amount is not negative.", pointer="/amount/amount_minor")
