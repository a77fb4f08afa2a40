"""Two ratings and how they become one."""

import itertools
from datetime import UTC, datetime
from uuid import UUID

import pytest

from onefunnel.errors import DomainError
from onefunnel.events.scoring import LeadRated, LeadRatingReconciled
from scoring_service.domain.lead_rating import Decision, LeadRating, Rating
from scoring_service.domain.parties import Party

AT = datetime(2026, 3, 1, tzinfo=UTC)
CASE = UUID(int=5)


def rating(side: str, score: int) -> Rating:
    return Rating(side, score, "no_budget" if score == 1 else None, None, AT, 1)


def rated(*ratings: tuple[str, int]) -> tuple[LeadRating, list]:
    lead, events = LeadRating(UUID(int=1)), []
    for side, score in ratings:
        lead, more = lead.rate(rating(side, score), case_id=CASE)
        events.extend(more)
    return lead, events


@pytest.mark.parametrize(("m", "s"), list(itertools.product(range(1, 6), repeat=2)))
def test_close_ratings_are_settled_as_sales_says_and_others_wait(m, s):
    lead, events = rated(("marketing", m), ("sales", s))
    disputed = abs(m - s) >= 2 or (min(m, s) == 1 and max(m, s) >= 3)
    assert (lead.case is not None) == disputed
    assert lead.gap == m - s
    reconciled = [e for e in events if isinstance(e, LeadRatingReconciled)]
    assert [(e.score, e.method) for e in reconciled] == ([] if disputed else [(s, "auto")])


def test_one_rating_alone_settles_nothing():
    lead, events = rated(("marketing", 5))
    assert (lead.gap, lead.decision, lead.case) == (None, None, None)
    assert [type(e) for e in events] == [LeadRated]


def test_the_worst_rating_needs_a_reason():
    with pytest.raises(DomainError, match="reason code") as refused:
        Rating("sales", 1, None, None, AT, None)
    assert refused.value.pointer == "/reason"


def test_a_decision_closes_the_case_once():
    lead, _ = rated(("marketing", 5), ("sales", 2))
    decision = Decision(4, "manager", AT, UUID(int=3), "spoke to both")
    closed, events = lead.decide(CASE, decision)
    assert [(e.score, e.method, e.decided_by) for e in events] == [(4, "manager", UUID(int=3))]
    assert closed.decision == decision
    with pytest.raises(DomainError) as refused:
        closed.decide(CASE, decision)
    assert refused.value.code == "already-decided"


def test_new_ratings_that_agree_close_an_open_case_by_rule():
    lead, _ = rated(("marketing", 5), ("sales", 2), ("sales", 4))
    assert lead.case.decision.method == "auto"
    assert lead.decision.score == 4


def test_a_case_follows_the_newest_ratings_and_stays_one_case():
    lead, _ = rated(("marketing", 5), ("sales", 2), ("marketing", 4))
    assert (lead.case.id, lead.case.gap) == (CASE, 2)


def test_the_same_opinion_again_leaves_the_managers_decision_and_another_reopens_the_question():
    lead, _ = rated(("marketing", 5), ("sales", 2))
    decided, _ = lead.decide(CASE, Decision(4, "manager", AT, None, "why"))
    same, events = decided.rate(rating("sales", 2), case_id=UUID(int=6))
    assert same.decision.score == 4
    assert [type(e) for e in events] == [LeadRated]
    other, _ = decided.rate(rating("sales", 3), case_id=UUID(int=6))
    assert (other.decision, other.case.id) == (None, UUID(int=6))


@pytest.mark.parametrize(
    ("role", "rated", "marketing_seen", "sales_seen"),
    [
        ("rep", {"marketing"}, False, True),
        ("rep", {"marketing", "sales"}, True, True),
        ("marketer", {"sales"}, True, False),
        ("marketer", {"marketing", "sales"}, True, True),
        ("manager", {"marketing"}, True, True),
        ("executive", set(), True, True),
    ],
)
def test_each_side_rates_blind(role, rated, marketing_seen, sales_seen):
    party = Party("p", role, None)
    seen = [party.sees(side, rated=frozenset(rated)) for side in ("marketing", "sales")]
    assert seen == [marketing_seen, sales_seen]


@pytest.mark.parametrize(
    ("role", "rates", "signs", "decides"),
    [
        ("rep", {"sales"}, "sales", False),
        ("marketer", {"marketing"}, "marketing", False),
        ("manager", {"sales"}, "sales", True),
        ("executive", set(), None, True),
        ("admin", {"marketing", "sales"}, None, True),
        ("integration", {"marketing", "sales"}, None, False),
        ("auditor", set(), None, False),
        ("comp_admin", set(), None, False),
    ],
)
def test_roles_speak_for_their_own_side_and_managers_decide(role, rates, signs, decides):
    party = Party("p", role, None)
    assert {s for s in ("marketing", "sales") if allowed(party.check_rates_for, s)} == rates
    assert (party.signs_for() if allowed(party.signs_for) else None) == signs
    assert allowed(party.check_decides) == decides


def allowed(action, *args) -> bool:
    try:
        action(*args)
    except DomainError as refused:
        return refused.kind != "forbidden"
    return True
