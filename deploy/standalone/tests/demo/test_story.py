"""The demo company is the same everywhere, and holds what the product is there to show."""

from collections import Counter

from standalone.demo.facts import ANCHOR, FIRST_DAY
from standalone.demo.story import demo_company

COMPANY = demo_company()


def test_two_machines_have_two_companies() -> None:
    assert demo_company() == COMPANY
    assert demo_company(seed=1) != COMPANY


def test_the_company_lacks_something_that_the_product_shows() -> None:
    assert len(COMPANY.people) == 35
    assert Counter(person.kind for person in COMPANY.people)["rep"] == 24
    assert len(COMPANY.leads) == 1_500
    assert 380 < len(COMPANY.deals) < 480
    assert {d.lost[1] for d in COMPANY.deals if d.lost} == {
        "lost_to_competitor", "status_quo", "disqualified", "ghosted",
    }  # fmt: skip
    assert any(deal.refund for deal in COMPANY.deals)
    assert any(line.cost_minor is None for deal in COMPANY.deals for line in deal.lines)
    assert any(line.revenue_minor > line.list_minor for d in COMPANY.deals for line in d.lines)
    assert any(len(deal.credits) > 1 for deal in COMPANY.deals)
    assert any(abs(rating.marketing - rating.sales) >= 2 for rating in COMPANY.ratings)
    assert any(lead.source is None for lead in COMPANY.leads)


def test_somebody_stands_below_nobody_or_something_refers_to_nothing() -> None:
    people = {person.key for person in COMPANY.people}
    assert {p.manager for one in COMPANY.people for p in one.places} - {None} <= people
    assert {deal.owner for deal in COMPANY.deals} <= people
    assert {credit.person for deal in COMPANY.deals for credit in deal.credits} <= people
    assert {deal.lead for deal in COMPANY.deals} - {None} <= {lead.key for lead in COMPANY.leads}


def test_something_happens_after_the_anchor_or_before_its_cause() -> None:
    for lead in COMPANY.leads:
        times = [lead.captured_at, lead.qualified_at, lead.assigned_at, lead.accepted_at,
                 lead.converted_at]  # fmt: skip
        known = [at for at in times if at]
        assert known == sorted(known)
        assert FIRST_DAY <= known[0].date() <= known[-1].date() < ANCHOR
    for deal in COMPANY.deals:
        times = [deal.created_at, *(at for _, at in deal.stages)]
        times += [at for at in (deal.won_at, deal.lost[0] if deal.lost else None) if at]
        assert times == sorted(times)
        assert times[-1].date() < ANCHOR
        assert not (deal.won_at and deal.lost)
