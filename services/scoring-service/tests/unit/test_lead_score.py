"""A lead's score over time: what is published, once, and in whatever order facts arrive."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from onefunnel.events.scoring import LeadQualified, LeadScored
from scoring_service.domain.agreement import InForce
from scoring_service.domain.lead_score import LeadScore

from .unit_definitions import NOON, text_of, touch

V1 = InForce(1, NOON - timedelta(days=365), text_of())
GOOD = LeadScore(UUID(int=1), segment="emea").with_attributes(
    {"employees": 300, "role": "it_director"}
)


def arrive(lead, activities, versions):
    """Take activities in one by one, as the reactions do."""
    known, published = [], []
    for activity in activities:
        known.append(activity)
        lead, events = lead.judged(known, versions, at=activity.at)
        published.extend(events)
    return lead, published


def test_a_lead_is_scored_and_qualified_in_that_order_and_qualified_once():
    lead, events = arrive(GOOD, [touch(1, "demo", days_ago=2), touch(2, "demo")], [V1])
    assert [type(e) for e in events] == [LeadScored, LeadQualified, LeadScored]
    assert events[1].qualified_at == NOON - timedelta(days=2)
    assert events[1].definition_version == 1
    assert lead.qualification.definition_version == 1


def test_an_activity_that_changes_nothing_publishes_nothing_twice():
    lead, _ = arrive(GOOD, [touch(1, "demo")], [V1])
    again, events = lead.judged([touch(1, "demo")], [V1], at=NOON)
    assert (again, events) == (lead, [])


def test_without_a_definition_in_force_nothing_is_published():
    assert arrive(GOOD, [touch(1, "demo")], [])[1] == []
    future = InForce(1, NOON + timedelta(days=1), text_of())
    assert arrive(GOOD, [touch(1, "demo")], [future])[1] == []


def test_a_new_version_leaves_the_version_that_qualified_a_lead():
    lead, _ = arrive(GOOD, [touch(1, "demo")], [V1])
    v2 = InForce(2, NOON + timedelta(days=1), text_of())
    later, events = lead.judged([touch(1, "demo")], [V1, v2], at=NOON + timedelta(days=2))
    assert later.qualification.definition_version == 1
    assert [e.definition_version for e in events] == [2]


def test_an_import_that_calls_a_lead_qualified_is_believed_once():
    lead, events = LeadScore(UUID(int=1)).declared(NOON)
    assert [e.definition_version for e in events] == [None]
    assert lead.declared(NOON)[1] == []
    assert not any(isinstance(e, LeadQualified) for e in arrive(lead, [touch(1, "demo")], [V1])[1])


def test_a_late_fact_can_qualify_the_lead_at_a_later_activity():
    webinars = [touch(1, "webinar", days_ago=1), touch(2, "webinar")]
    lead, events = arrive(GOOD, [webinars[1]], [V1])
    known = [webinars[1], touch(3, "demo", days_ago=60)]
    _, events = lead.judged(known, [V1], at=known[1].at)
    assert [e.qualified_at for e in events if isinstance(e, LeadQualified)] == [known[1].at]


def test_what_the_lead_says_of_itself_beats_an_attribute_of_the_same_name():
    assert GOOD.with_attributes({"segment": "apac"}).facts["segment"] == "emea"


def test_attributes_are_set_one_by_one_and_removed_with_null():
    lead = GOOD.with_attributes({"role": None, "seats": 5})
    assert lead.attributes == {"employees": 300, "seats": 5}


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["webinar", "demo", "email", "unsubscribed"]), st.integers(0, 90)
        ),
        max_size=12,
    ),
    st.randoms(),
)
def test_the_final_score_does_not_depend_on_the_order_of_arrival(found, random):
    activities = [touch(n, channel, days_ago=days) for n, (channel, days) in enumerate(found)]
    shuffled = random.sample(activities, len(activities))
    one, _ = arrive(GOOD, activities, [V1])
    other, _ = arrive(GOOD, shuffled, [V1])
    assert one.verdict == other.verdict
    if all(channel != "unsubscribed" for channel, _ in found):
        # A rule that takes points away may come too late to prevent what was published already.
        assert (one.qualification is None) == (other.qualification is None)
