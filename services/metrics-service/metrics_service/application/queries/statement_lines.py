"""Components and lines of a statement, from what the engine computed to what is shown."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from urllib.parse import urlencode
from uuid import UUID

from metrics_service.application.metric import Assumed, Basis, Metric, Money, exact_ratio
from metrics_service.application.queries.cut import explain
from metrics_service.application.queries.statement_answer import (
    BookedLine,
    ComponentView,
    QuotaView,
    StatementLine,
    TierUse,
)
from metrics_service.application.queries.statement_words import line_sentence
from metrics_service.application.words import decimal_text
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.facts_deal import SCALE, Booking
from metrics_service.projections.facts_deal import Line as Booked
from metrics_service.projections.pay.credit import OWNER, weights_of
from metrics_service.projections.pay.lines import Line
from metrics_service.projections.pay.rates import Part
from metrics_service.projections.pay.statement import ComponentStatement


class Deals:
    """The deals behind a statement, and the events that decided about them."""

    def __init__(
        self, facts: Mapping[UUID, DealFacts], events: Mapping[UUID, Sequence[UUID]]
    ) -> None:
        self._facts = facts
        self._events = events

    def booking(self, deal_id: UUID) -> Booking:
        """Return the booking that counts."""
        booking = self._facts[deal_id].booking
        assert booking is not None, "only won deals are credited"
        return booking

    def events(self, deal_id: UUID) -> list[UUID]:
        """Return the events that decided about the booking."""
        return list(self._events.get(deal_id, ()))


def component_view(stated: ComponentStatement, deals: Deals, basis: Basis) -> ComponentView:
    """Return one component with its lines."""
    currency, vector = stated.plan.currency, stated.vector
    return ComponentView(
        component=stated.component.id,
        plan=stated.key.plan_id,
        plan_version=stated.plan.version,
        plan_name=stated.plan.name,
        assignment=stated.key.assignment_id,
        measure=stated.component.measure,
        table=_table(stated),
        base=Money(vector.base_minor, currency),
        revenue=Money(vector.revenue_minor, currency),
        margin=Money(vector.margin_minor, currency),
        deals=vector.deals,
        average_margin=_average_margin(stated, basis),
        quota=_quota(stated),
        attainment=_attainment(stated, basis),
        attained=None if stated.attainment is None else stated.attainment >= 1,
        lines=[_line(stated, line, deals) for line in stated.lines],
        total=Money(stated.total_minor, currency),
        assumed=_assumed(stated, deals),
        note=_note(stated),
        explain=_links(stated, basis),
    )


def _links(stated: ComponentStatement, basis: Basis) -> dict[str, str]:
    """Return where the base and the postings of a component are listed."""
    key = stated.key
    base = {"person": str(key.payee_id), "measure": stated.component.measure}
    book = {"payee": str(key.payee_id), "component": key.component}
    return {
        "base": explain("quota.credited", basis.window, {**base, "component": key.component}),
        "total": f"/v1/compensation/ledger?{urlencode({**book, 'earned_period': key.earned_period})}",
    }


def _table(stated: ComponentStatement) -> str | None:
    component = stated.component
    if component.basis is None:
        return None
    return f"{component.basis}, {'marginal' if component.marginal else 'retroactive'}"


def _quota(stated: ComponentStatement) -> QuotaView | None:
    quota = stated.quota
    return None if quota is None else QuotaView(decimal_text(quota.amount), quota.counts)


def _attainment(stated: ComponentStatement, basis: Basis) -> Metric | None:
    quota, vector = stated.quota, stated.vector
    if quota is None:
        return None
    credited = vector.deals if quota.counts else vector.base_minor
    return exact_ratio(credited, quota.amount, basis, n=vector.deals)


def _average_margin(stated: ComponentStatement, basis: Basis) -> Metric | None:
    vector = stated.vector
    whole = Fraction(vector.revenue_minor)
    return exact_ratio(vector.margin_minor, whole, basis, n=vector.deals) if whole else None


def _note(stated: ComponentStatement) -> str | None:
    if stated.component.needs_quota and stated.quota is None:
        return "No quota is set for this period, so the first row of the table pays everything."
    return None


def _line(stated: ComponentStatement, line: Line, deals: Deals) -> StatementLine:
    currency, deal = stated.plan.currency, line.deal
    booking = deals.booking(deal.deal_id)
    split = split_of(booking, stated)
    return StatementLine(
        deal=deal.deal_id,
        deal_version=deal.deal_version,
        booked_on=deal.booked_on,
        roles=list(deal.roles),
        split=None if split is None else decimal_text(split),
        refunded=decimal_text(deal.refunded),
        deal_base=Money(deal.deal_base_minor, currency),
        base=Money(deal.vector.base_minor, currency),
        before=Money(line.before_minor, currency),
        after=Money(line.after_minor, currency),
        tiers=[_tier(stated, part) for part in line.tiers],
        exact=decimal_text(line.exact),
        rounding=decimal_text(line.rounding),
        amount=Money(line.amount_minor, currency),
        reason=deal.reason,
        assumed_lines=deal.assumed_lines,
        uncosted_lines=deal.uncosted_lines,
        booked_lines=[_booked(one, booking.currency) for one in booking.lines],
        cause_event_ids=deals.events(deal.deal_id),
        sentence=line_sentence(stated, line, split),
    )


def split_of(booking: Booking, stated: ComponentStatement) -> Fraction | None:
    """Return a person's share in the roles that the component pays; None where it is not one share."""
    person, roles = stated.key.payee_id, stated.component.roles
    weights = weights_of(booking)
    shares = [
        Fraction(SCALE if credit.weight is None else credit.weight, SCALE)
        for credit in booking.credits
        if credit.person_id == person and credit.role != OWNER and credit.role in roles
    ]
    if OWNER in roles and person in weights:
        shares.append(Fraction(weights[person], sum(weights.values()) or 1))
    return shares[0] if len(shares) == 1 else None


def _tier(stated: ComponentStatement, part: Part) -> TierUse:
    flat = stated.component.basis is None
    return TierUse(
        from_=None if flat else decimal_text(part.bound),
        rate=decimal_text(part.rate),
        part=decimal_text(part.part),
        amount=decimal_text(part.amount),
    )


def _booked(line: Booked, currency: str) -> BookedLine:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount, currency)

    cost = line.cost_minor
    return BookedLine(
        line_id=line.line_id,
        product=line.product or None,
        list_value=money(line.list_minor),
        revenue=Money(line.revenue_minor, currency),
        cost=money(cost),
        margin=money(None if cost is None else line.revenue_minor - cost),
        cost_assumed=line.assumed,
    )


def _assumed(stated: ComponentStatement, deals: Deals) -> Assumed:
    """Return how much of the component rests on costs that an import made up."""
    lines = [
        line
        for stated_line in stated.lines
        for line in deals.booking(stated_line.deal.deal_id).lines
        if line.assumed and line.cost_minor is not None
    ]
    amount = sum(line.cost_minor or 0 for line in lines)
    return Assumed(bool(lines), len(lines), Money(amount, stated.plan.currency))
