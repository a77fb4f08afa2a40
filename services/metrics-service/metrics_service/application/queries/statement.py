"""A person's statement: earned by component and line, retro, adjustments, and totals that add up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID

from metrics_service.application.metric import Basis, Money, Window, exact_text
from metrics_service.application.queries.answer import head
from metrics_service.application.queries.pay_rows import LedgerFilter, LedgerRow, PayRows
from metrics_service.application.queries.refs import refs
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.statement_answer import (
    AdjustmentEntry,
    Cause,
    Check,
    Mirror,
    MirrorLine,
    RetroEntry,
    StatementAnswer,
    Totals,
)
from metrics_service.application.queries.statement_lines import Deals, component_view
from metrics_service.application.words import money_text, percent_text
from metrics_service.projections.calendar import period_bounds
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.pay.mirror import mirror, penalty_ratio
from metrics_service.projections.pay.statement import ComponentStatement
from metrics_service.projections.pay.statement import statement as stated_components
from onefunnel.errors import invalid

MAX_ENTRIES: Final = 10_000  # of one statement
_EARN: Final = "earn"
_RETRO: Final = "retro"
_ADJUSTMENT: Final = "adjustment"


@dataclass(frozen=True, slots=True)
class StatementQuestion:
    """Whose, and of which period."""

    payee: UUID
    period: str


async def statement(
    question: StatementQuestion, *, situation: Situation, rows: PayRows
) -> StatementAnswer:
    """Answer with the book's postings of the period, and the deals that they follow from."""
    period, closed = question.period, await rows.frozen_rules(question.period)
    rules = closed or situation.definitions
    first, last = period_bounds(period, rules.calendar.fiscal_year_start)
    if closed:
        credited = await rows.frozen(question.payee, period)
    else:
        credited = await rows.credited(question.payee, first, last)
    found = {deal.id: deal.facts for deal in credited}
    stated = stated_components(question.payee, period, found.items(), rules)
    entries = await rows.ledger(
        LedgerFilter(payee=question.payee, posted_period=period), after=None, limit=MAX_ENTRIES
    )
    deals = Deals(found, await rows.booking_events(credited))
    window = Window(first, last + timedelta(days=1))
    components = [component_view(one, deals, _basis(one, window)) for one in stated]
    totals = _totals(entries, stated, rules)
    return StatementAnswer(
        payee=question.payee,
        period=period,
        closed=period in situation.definitions.closed,
        closed_at=await rows.closed_at(period),
        components=components,
        retro=[_retro(entry) for entry in entries if entry.kind == _RETRO],
        adjustments=_adjustments(entries, await rows.reasons(question.payee), rules),
        totals=totals,
        checks=_checks(stated, totals),
        mirror=_mirror(stated),
        sentence=_sentence(totals, period),
        refs=_refs(question.payee, deals_of=found, entries=entries, deals=deals),
        **head(situation, _versions(stated)),
    )


def check_period(period: str, fiscal_year_start: int) -> None:
    """Refuse what is no period."""
    try:
        period_bounds(period, fiscal_year_start)
    except ValueError as error:
        raise invalid("A period is 2026-03, 2026-Q1 or 2026.", pointer="/period") from error


def _basis(stated: ComponentStatement, window: Window) -> Basis:
    return Basis("exact", f"{stated.plan.name} v{stated.plan.version}", window)


def _versions(stated: Iterable[ComponentStatement]) -> dict[str, str]:
    return {f"plan:{one.key.plan_id}": f"{one.plan.name} v{one.plan.version}" for one in stated}


def cause_of(entry: LedgerRow) -> Cause:
    """Return the event that an entry was posted for."""
    return Cause(entry.cause_event_id, entry.cause_type, entry.cause_entity, entry.cause_at)


def _retro(entry: LedgerRow) -> RetroEntry:
    inputs = entry.inputs
    owed, posted = int(inputs["owed_minor"]), int(inputs["posted_minor"])
    amount = money_text(entry.amount_minor, entry.currency)
    why = entry.cause_type.split(".", 1)[1].removesuffix(".v1") if entry.cause_type else "a change"
    sentence = (
        f"{amount} for {entry.earned_period}, which was closed when {why} came in: that period now"
        f" earns {money_text(owed, entry.currency)},"
        f" of which {money_text(posted, entry.currency)} had been posted."
    )
    return RetroEntry(
        entry_id=entry.entry_id,
        component=entry.component,
        earned_period=entry.earned_period,
        amount=Money(entry.amount_minor, entry.currency),
        plan_version=entry.plan_version,
        cause=cause_of(entry),
        inputs=inputs,
        sentence=sentence,
    )


def _adjustments(
    entries: Iterable[LedgerRow], reasons: Mapping[UUID, str], rules: Definitions
) -> list[AdjustmentEntry]:
    return [
        AdjustmentEntry(
            entry_id=entry.entry_id,
            amount=Money(entry.amount_minor, entry.currency),
            earned_period=entry.earned_period,
            reasons=_reasons(entry, reasons, rules),
            cause=cause_of(entry),
        )
        for entry in entries
        if entry.kind == _ADJUSTMENT
    ]


def _reasons(entry: LedgerRow, reasons: Mapping[UUID, str], rules: Definitions) -> list[str]:
    """Return the reasons behind an entry: its own, or all of its month where a turn took several."""
    own = entry.cause_entity
    posted = rules.adjustments.get(own) if own else None
    if own and own in reasons and posted and posted.amount_minor == entry.amount_minor:
        return [reasons[own]]
    return [
        reasons[id_]
        for id_, adjustment in rules.adjustments.items()
        if id_ in reasons
        and rules.adjustment_key(adjustment).earned_period == entry.earned_period
        and adjustment.currency == entry.currency
    ]


def _totals(
    entries: Sequence[LedgerRow], stated: Iterable[ComponentStatement], rules: Definitions
) -> list[Totals]:
    currencies = {e.currency for e in entries} | {one.plan.currency for one in stated}
    if not currencies and rules.calendar.currency:
        currencies = {rules.calendar.currency}
    return [_totals_in(currency, entries) for currency in sorted(currencies)]


def _totals_in(currency: str, entries: Iterable[LedgerRow]) -> Totals:
    sums = dict.fromkeys((_EARN, _RETRO, _ADJUSTMENT), 0)
    for entry in entries:
        if entry.currency == currency:
            sums[entry.kind] = sums.get(entry.kind, 0) + entry.amount_minor
    return Totals(
        currency=currency,
        earned=Money(sums[_EARN], currency),
        retro=Money(sums[_RETRO], currency),
        adjustments=Money(sums[_ADJUSTMENT], currency),
        total=Money(sum(sums.values()), currency),
    )


def _checks(stated: Iterable[ComponentStatement], totals: Iterable[Totals]) -> list[Check]:
    sums: dict[str, int] = {}
    for one in stated:
        sums[one.plan.currency] = sums.get(one.plan.currency, 0) + one.total_minor
    return [
        Check(
            currency=total.currency,
            lines=Money(sums.get(total.currency, 0), total.currency),
            posted=total.earned,
            equal=sums.get(total.currency, 0) == total.earned.amount_minor,
        )
        for total in totals
    ]


def _mirror(stated: Sequence[ComponentStatement]) -> Mirror | None:
    """Show what a discount does, next to a plan that pays on revenue and does not look at margin."""
    for one in stated:
        margin = one.average_margin
        if one.component.on_margin or one.component.basis == "avg_margin_pct" or not margin:
            continue
        if margin > 0:
            return _mirrored(margin)
    return None


def _mirrored(margin: Fraction) -> Mirror:
    rows = [
        MirrorLine(
            exact_text(row.discount),
            exact_text(row.kept_on_revenue),
            exact_text(row.kept_on_margin),
        )
        for row in mirror(margin)
    ]
    ratio = exact_text(penalty_ratio(margin)).rstrip("0").rstrip(".")
    sentence = (
        f"This plan pays on revenue. At your average margin of {percent_text(margin)} a discount"
        f" of 10 % costs you 10 % of the commission and the company {ratio} times as much of its"
        " margin."
    )
    return Mirror(exact_text(margin), sentence, rows)


def _sentence(totals: Iterable[Totals], period: str) -> str:
    parts = [
        f"{money_text(t.total.amount_minor, t.currency)} in {period}:"
        f" {money_text(t.earned.amount_minor, t.currency)} earned,"
        f" {money_text(t.retro.amount_minor, t.currency)} for earlier periods,"
        f" {money_text(t.adjustments.amount_minor, t.currency)} adjusted."
        for t in totals
    ]
    return " ".join(parts) or f"Nothing in {period}."


def _refs(
    payee: UUID,
    *,
    deals_of: Mapping[UUID, object],
    entries: Iterable[LedgerRow],
    deals: Deals,
) -> dict[str, list[str]]:
    caused = {
        str(e.cause_entity)
        for e in entries
        if e.cause_type and e.cause_type.startswith("onefunnel.deal.") and e.cause_entity
    }
    products = {line.product for deal in deals_of for line in deals.booking(deal).lines}
    found = refs(person=[str(payee)], deal=[*map(str, deals_of), *caused], product=sorted(products))
    return dict(found)
