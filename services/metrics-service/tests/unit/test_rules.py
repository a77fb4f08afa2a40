from datetime import date
from itertools import permutations
from uuid import UUID

import pytest

from metrics_service.projections.affected import Affected, CreditRange, PayScope, affected
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import ADJUSTMENTS, LedgerKey, PayKey, PayVector
from metrics_service.projections.pay.owed import owed
from metrics_service.projections.pay.posting import Posting, posted_period, posting
from onefunnel.events import Event, directory, plans, spec_of

from .telling import AMY, ASSIGNMENT, BOB, PLAN, assigned, day, plan, quota, rules

FLAT = {"measure": "revenue", "rate": "0.1"}
KEY = LedgerKey(AMY, "c0", "2026-01", "EUR")


def closed(period: str) -> Event:
    period_id = UUID(int=sum(period.encode()))
    return plans.PeriodClosed(period_id=period_id, period=period, closed_at=day(99))


def adjusted(n: float, amount: int = 15_000, id_: int = 71) -> Event:
    return plans.AdjustmentPosted(
        adjustment_id=UUID(int=id_),
        person_id=AMY,
        at=day(n),
        amount_minor=amount,
        currency="EUR",
        reason="dispute",
    )


def moves(before: Definitions, event: Event, n: int = 50) -> Affected:
    type_ = spec_of(event).type
    after = before.apply(type_, event, event_id=UUID(int=n), sequence=n)
    return affected(before, after, type_, event)


def test_rules_do_not_know_the_order_in_which_their_aggregates_came() -> None:
    funnels = [
        directory.FunnelActivated(funnel_id=UUID(int=91), funnel="default", version=n, steps=())
        for n in (1, 2)
    ]
    events = [plan(FLAT), plan(FLAT, version=2), *funnels, assigned(), quota(500)]
    snapshots = set()
    for order in permutations(enumerate(events, start=1)):
        found = Definitions.empty()
        for n, event in [*order, order[0]]:
            type_ = spec_of(event).type
            found = found.apply(type_, event, event_id=UUID(int=n), sequence=n)
        snapshots.add(found.dump())
    assert len(snapshots) == 1


def test_rules_survive_being_kept() -> None:
    known = rules(plan(FLAT), assigned(), quota(500), closed("2026-01"), adjusted(3))
    kept = Definitions.load(known.dump())
    assert kept.dump() == known.dump()
    assert kept.plans[PLAN].components[0].rate == known.plans[PLAN].components[0].rate
    assert kept.adjusted == known.adjusted


def test_an_event_that_changes_nothing_leaves_the_same_snapshot() -> None:
    known = rules(plan(FLAT), assigned())
    for n, event in [(3, plan(FLAT)), (2, assigned())]:
        type_ = spec_of(event).type
        assert known.apply(type_, event, event_id=UUID(int=9), sequence=n) is known
    assert known.apply("onefunnel.lead.captured.v1", object(), event_id=PLAN, sequence=1) is known


def test_the_highest_version_of_a_plan_and_of_a_funnel_is_in_force() -> None:
    known = rules(plan({**FLAT, "rate": "0.2"}, version=2), plan(FLAT))
    assert known.plans[PLAN].version == 2
    old = directory.FunnelActivated(funnel_id=UUID(int=91), funnel="default", version=1, steps=())
    again = known.apply(spec_of(old).type, old, event_id=PLAN, sequence=99)
    assert len(again.funnels["default"].deal.keys) == 5


def test_the_newest_quota_for_the_same_subject_counts() -> None:
    known = rules(quota(500), quota(700, quota_id=UUID(int=42)))
    found = known.quota(AMY, "c0", "revenue", "2026-01")
    assert found
    assert found.amount_minor == 700


def test_a_components_own_quota_comes_before_the_one_of_its_measure() -> None:
    known = rules(quota(500, component="c0"), quota(700, quota_id=UUID(int=42)))
    own, other = (known.quota(AMY, name, "revenue", "2026-01") for name in ("c0", "c1"))
    assert own
    assert other
    assert (own.amount_minor, other.amount_minor) == (500, 700)
    assert known.quota(AMY, "c1", "margin", "2026-01") is None


@pytest.mark.parametrize(
    ("earned", "posted"),
    [
        ("2026-01", Posting("2026-04", "retro")),
        ("2026-03", Posting("2026-04", "retro")),
        ("2026-04", Posting("2026-04", "earn")),
        ("2026-Q1", Posting("2026-Q1", "earn")),
        ("2025", Posting("2026", "retro")),
    ],
)
def test_what_is_known_too_late_lands_in_the_first_open_period_of_its_kind(
    earned: str, posted: Posting
) -> None:
    known = rules(*(closed(period) for period in ("2025", "2026-01", "2026-02", "2026-03")))
    assert posting(KEY._replace(earned_period=earned), known) == posted
    assert posted_period(earned, known) == posted.period


def test_adjustments_of_a_month_are_owed_as_their_sum_in_the_first_open_month() -> None:
    known = rules(adjusted(3), adjusted(4, -5_000, 72), adjusted(40, 1, 73), closed("2026-01"))
    key = LedgerKey(AMY, ADJUSTMENTS, "2026-01", "EUR")
    assert owed(key, [], known) == 10_000
    assert owed(key._replace(earned_period="2026-02"), [], known) == 1
    assert posting(key, known) == Posting("2026-02", "adjustment")


def test_a_component_that_a_plan_no_longer_has_owes_nothing() -> None:
    known = rules(plan(FLAT), assigned())
    pay = PayKey(AMY, ASSIGNMENT, PLAN, "c0", "2026-01", "EUR")
    assert owed(KEY, [(pay, PayVector(base_minor=1_000))], known) == 100
    assert owed(KEY, [(pay._replace(component="c9"), PayVector(base_minor=1_000))], known) == 0


def test_each_assignment_is_rounded_on_its_own_and_then_added() -> None:
    known = rules(plan(FLAT), assigned(), assigned(n=1))
    pays = [
        (PayKey(AMY, UUID(int=id_), PLAN, "c0", "2026-01", "EUR"), PayVector(base_minor=5))
        for id_ in (22, 122)
    ]
    assert owed(KEY, pays, known) == 2


def test_a_new_plan_version_moves_the_deals_and_the_pay_of_those_assigned() -> None:
    known = rules(plan(FLAT), assigned(to=date(2026, 6, 30)), assigned(BOB, n=1))
    found = moves(known, plan({**FLAT, "rate": "0.2"}, version=2))
    assert found == Affected(
        credits=(
            CreditRange(AMY, date(2026, 1, 1), date(2026, 6, 30)),
            CreditRange(BOB, date(2026, 1, 1), date.max),
        ),
        pay=(PayScope(AMY), PayScope(BOB)),
    )


def test_an_older_plan_version_that_comes_late_moves_nothing() -> None:
    known = rules(plan(FLAT, version=2), assigned())
    assert moves(known, plan({**FLAT, "rate": "0.2"}, version=1)) == Affected()


def test_a_changed_assignment_moves_the_deals_of_its_old_and_its_new_days() -> None:
    known = rules(plan(FLAT), assigned(to=date(2026, 1, 31)))
    found = moves(known, assigned(BOB, start=date(2026, 3, 1)))
    assert found.credits == (
        CreditRange(AMY, date(2026, 1, 1), date(2026, 1, 31)),
        CreditRange(BOB, date(2026, 3, 1), date.max),
    )


def test_a_quota_moves_pay_and_no_deal() -> None:
    assert moves(rules(), quota(500, component="c0")) == Affected(
        pay=(PayScope(AMY, "c0", "2026-01"),)
    )
    moved = moves(rules(quota(500)), quota(500, period="2026-02"))
    assert set(moved.pay) == {PayScope(AMY, None, "2026-01"), PayScope(AMY, None, "2026-02")}


def test_a_close_moves_nothing_that_is_known() -> None:
    assert moves(rules(), closed("2026-01")) == Affected()


def test_another_funnel_version_or_another_zone_moves_everything() -> None:
    steps = [
        directory.FunnelStep(
            key="lead", owner="marketing", entity="lead", entry="lead.captured", window_days=1
        )
    ]
    funnel = directory.FunnelActivated(
        funnel_id=UUID(int=91), funnel="default", version=2, steps=steps
    )
    assert moves(rules(), funnel) == Affected(everything=True)
    known = rules(adjusted(30.99))
    tenant = directory.TenantChanged(
        tenant_id=UUID(int=90), time_zone="Asia/Kolkata", currency="EUR"
    )
    assert moves(known, tenant) == Affected(
        everything=True,
        pay=(PayScope(None),),
        ledger=(
            LedgerKey(AMY, ADJUSTMENTS, "2026-01", "EUR"),
            LedgerKey(AMY, ADJUSTMENTS, "2026-02", "EUR"),
        ),
    )


@pytest.mark.parametrize(
    "event",
    [
        directory.TenantChanged(tenant_id=UUID(int=90), time_zone="Mars/Olympus", currency="EUR"),
        directory.TenantChanged.model_construct(
            tenant_id=UUID(int=90), time_zone="UTC", currency="EUR", fiscal_year_start=13
        ),
        plan({"measure": "revenue", "rate": "0.1"}).model_copy(
            update={
                "plan": plan(FLAT).plan.model_copy(
                    update={
                        "components": (
                            plan(FLAT).plan.components[0].model_copy(update={"rate": "a tenth"}),
                        )
                    }
                )
            }
        ),
    ],
    ids=["zone", "fiscal year", "rate"],
)
def test_rules_that_cannot_be_computed_with_fail_once_and_not_in_every_deal(event: Event) -> None:
    with pytest.raises(ValueError, match=r"zone|fiscal|Fraction"):
        Definitions.empty().apply(spec_of(event).type, event, event_id=PLAN, sequence=1)


def test_another_currency_of_the_tenant_moves_nothing() -> None:
    tenant = directory.TenantChanged(tenant_id=UUID(int=90), time_zone="UTC", currency="USD")
    assert moves(rules(), tenant) == Affected()


def test_an_adjustment_moves_its_own_ledger_key() -> None:
    assert moves(rules(), adjusted(3)).ledger == (LedgerKey(AMY, ADJUSTMENTS, "2026-01", "EUR"),)
