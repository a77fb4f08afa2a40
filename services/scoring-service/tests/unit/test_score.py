"""The score: its reasons, its caps, its decay, and that nothing depends on order."""

import copy
import math
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from scoring_service.domain.score import cools_in_days, score, total

from .unit_definitions import DOCUMENT, NOON, definition, touch, view

GOOD_FIT = {"employees": 300, "segment": "emea", "role": "it_director"}


def points_of(result, dimension):
    return {r.rule: r.points for r in result.reasons if r.dimension == dimension}


def test_a_rule_scores_what_the_lead_is_and_a_group_is_held_to_its_cap():
    result = score(definition(), GOOD_FIT, [], NOON)
    assert points_of(result, "fit") == {
        "size": 25, "region": 25, "role": 35, "group:firmographic": -10,
    }  # fmt: skip
    assert (result.fit, result.engagement, result.grade) == (75, 0, "A3")


def test_seven_opens_of_two_points_are_ten_where_ten_is_the_cap():
    opens = [touch(n, "email") for n in range(7)]
    assert score(definition(), {}, opens, NOON).engagement == 10


def test_the_same_activity_twice_counts_once():
    opens = [touch(1, "email"), touch(1, "email")]
    assert score(definition(), {}, opens, NOON).engagement == 2


def test_one_half_life_later_engagement_is_half_and_fit_is_unchanged():
    activities = [touch(1, "webinar"), *(touch(n, "email") for n in range(10, 17))]
    now, later = (
        score(definition(), GOOD_FIT, activities, NOON + timedelta(days=d)) for d in (0, 14)
    )
    assert (now.engagement, later.engagement) == (40, 20)
    assert now.fit == later.fit


def test_what_happens_after_the_instant_does_not_count():
    assert score(definition(), {}, [touch(1, "demo", days_ago=-0.01)], NOON).engagement == 0


def test_a_cap_per_day_holds_for_each_day_apart():
    activities = [touch(n, "webinar", days_ago=n // 2) for n in range(4)]
    result = score(definition(), {}, activities, NOON)
    assert [r.undecayed for r in result.reasons if r.rule == "webinar"] == [30, 30]


def test_a_cap_of_a_rule_keeps_the_newest_points():
    activities = [touch(n, "email", days_ago=n) for n in range(8)]
    kept = [r.age_days for r in score(definition(), {}, activities, NOON).reasons]
    assert kept == [0, 1, 2, 3, 4]


def test_a_cap_of_a_group_keeps_the_newest_points_of_all_its_rules():
    document = copy.deepcopy(DOCUMENT)
    document["engagement"]["rules"][0]["group"] = "mail"  # webinars, beside opens
    opens = [touch(n, "email", days_ago=14) for n in range(5)]
    reasons = score(
        definition(document), {}, [*opens, touch(9, "webinar", days_ago=28)], NOON
    ).reasons
    # 20 points fit: all 10 of the opens, then 10 of the 30 of the older webinar.
    assert [(r.rule, r.undecayed, r.points) for r in reasons] == [
        ("open", 10, 5), ("webinar", 10, Decimal("2.5")),
    ]  # fmt: skip


def test_a_score_is_held_between_nothing_and_its_bound_and_says_so():
    many = [touch(n, "demo") for n in range(3)]
    over = score(definition(), {}, many, NOON)
    under = score(definition(), {"student": True}, [touch(1, "unsubscribed")], NOON)
    assert (over.engagement, points_of(over, "engagement")["limit"]) == (100, -80)
    assert (under.engagement, points_of(under, "engagement")["floor"]) == (0, 40)
    assert (under.fit, points_of(under, "fit")["floor"]) == (0, 50)


def test_a_lead_is_qualified_by_grades_by_a_rule_that_fired_and_never_through_a_closed_gate():
    eager, reader = [touch(1, "demo")], [view(1, "pricing"), touch(2, "webinar")]
    assert score(definition(), GOOD_FIT, eager, NOON).qualified
    assert score(definition(), GOOD_FIT, reader, NOON).qualified
    assert not score(definition(), GOOD_FIT, [touch(2, "webinar")], NOON).qualified
    assert not score(definition(), {**GOOD_FIT, "country": "XX"}, eager, NOON).qualified
    assert not score(definition(), {}, eager, NOON).qualified


def test_a_yes_is_not_a_number():
    assert score(definition(), {"student": 1}, [], NOON).fit == 0


channels = st.sampled_from(["webinar", "demo", "email", "unsubscribed", "other"])
touches = st.builds(
    lambda n, channel, days: touch(n, channel, days_ago=days / 4),
    st.integers(1, 10**6), channels, st.integers(0, 900),
)  # fmt: skip
views = st.builds(
    lambda n, kind, days: view(n + 10**7, kind, days_ago=days / 4),
    st.integers(1, 10**6), st.sampled_from(["pricing", "blog"]), st.integers(0, 900),
)  # fmt: skip
activities = st.lists(st.one_of(touches, views), max_size=40, unique_by=lambda a: a.id)
facts = st.fixed_dictionaries(
    {},
    optional={
        "employees": st.integers(0, 10_000),
        "segment": st.sampled_from(["emea", "apac"]),
        "role": st.sampled_from(["it_director", "clerk"]),
        "student": st.booleans(),
    },
)


@given(activities, facts)
def test_reasons_sum_exactly_to_the_score(found, known):
    result = score(definition(), known, found, NOON)
    for dimension, shown in (("fit", result.fit), ("engagement", result.engagement)):
        assert total(r for r in result.reasons if r.dimension == dimension) == shown
        assert 0 <= shown <= 100


@given(activities, st.randoms())
def test_neither_order_nor_repetition_matters(found, random):
    shuffled = [*found, *found]
    random.shuffle(shuffled)
    assert score(definition(), {}, found, NOON) == score(definition(), {}, shuffled, NOON)


def oracle(found) -> Fraction | float:
    """Engagement the slow, obvious way: every single point is a thing with a day of its own."""
    worth = {"webinar": 30, "demo": 60, "email": 2, "pricing": 15, "unsubscribed": -40}
    life = Counter(dict.fromkeys(worth, 14)) | Counter({"demo": 45})
    per_day = {"webinar": 1, "pricing": 1}
    seen, units = Counter(), []
    for activity in sorted(found, key=lambda a: a.at, reverse=True):
        name = activity.facts.get("channel") or activity.facts.get("kind")
        age = (NOON.date() - activity.at.date()).days
        if name not in worth or age > 10 * life[name]:
            continue
        seen[name, age] += 1
        if seen[name, age] <= per_day.get(name, 10**9):
            units.append((name, age))
    emails = [u for u in units if u[0] == "email"][:5]
    rest = [u for u in units if u[0] != "email"]
    raw = sum(worth[name] * 2 ** (-age / life[name]) for name, age in emails + rest)
    return min(100, max(0, raw))


@given(activities)
def test_the_score_agrees_with_counting_every_point_one_by_one(found):
    assert abs(float(score(definition(), {}, found, NOON).engagement) - oracle(found)) < 1e-4


def test_ids_tell_activities_apart():
    assert touch(1, "email").id == UUID(int=1)
    assert score(
        definition(), {}, [touch(1, "email"), touch(2, "email")], NOON
    ).engagement == Decimal(4)


def test_a_score_says_when_its_grade_will_fall_where_that_is_known_exactly():
    rules = definition()
    warm = score(rules, {}, [touch(1, "webinar", days_ago=2)], NOON)
    mixed = score(rules, {}, [touch(1, "webinar"), touch(2, "demo")], NOON)
    cold = score(rules, {}, [touch(1, "email")], NOON)
    days = cools_in_days(warm, rules)
    assert days is not None
    assert math.isclose(float(days), 14 * math.log2(30 * 2 ** (-2 / 14) / 25), abs_tol=1e-6)
    assert cools_in_days(mixed, rules) is None
    assert cools_in_days(cold, rules) is None
