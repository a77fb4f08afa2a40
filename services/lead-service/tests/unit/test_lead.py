"""What may happen to a lead."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_service.domain.funnel import Funnel, default_steps
from lead_service.domain.lead import Contact, Labels, Lead, LeadState, capture
from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.values import DealId, LeadId, PersonId
from onefunnel.ids import new_id

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
REP = PersonId(new_id())


def lead(state: LeadState = LeadState.CAPTURED, **changes: Any) -> Lead:
    return Lead(id=LeadId(new_id()), state=state, captured_at=AT, **changes)


def funnel() -> Funnel:
    return Funnel(new_id(), "default").propose(default_steps()).activate(1, AT)[0]


def test_a_lead_without_an_owner_waits_to_be_assigned() -> None:
    captured, event = capture(lead())
    assert captured.state is LeadState.CAPTURED
    assert event.owner_id is None


def test_a_lead_that_comes_with_an_owner_is_handed_over() -> None:
    captured, event = capture(lead(owner_id=REP))
    assert captured.state is LeadState.ASSIGNED
    assert event.owner_id == REP


def test_only_an_assigned_lead_can_be_accepted() -> None:
    with pytest.raises(DomainError) as refused:
        lead().accept(by=REP, at=AT)
    assert refused.value.kind is ErrorKind.CONFLICT
    assert "assigned" in refused.value.detail


def test_an_accepted_lead_can_no_longer_be_rejected() -> None:
    with pytest.raises(DomainError):
        lead(LeadState.ACCEPTED).reject(by=REP, at=AT, reason_class="clerical")


def test_an_accepted_lead_stays_accepted_when_it_changes_hands() -> None:
    assigned, _ = lead(LeadState.ACCEPTED).assign(to=REP, at=AT)
    assert assigned.state is LeadState.ACCEPTED


def test_a_recycled_lead_can_be_assigned_again() -> None:
    recycled, _ = lead(LeadState.ASSIGNED).recycle(at=AT, until=None, reason="later")
    assert recycled.assign(to=REP, at=AT)[0].state is LeadState.ASSIGNED


def test_words_alone_publish_nothing() -> None:
    updated, events = lead().update(contact=Contact("Eve"), labels=Labels(), attributes={})
    assert updated.contact.name == "Eve"
    assert events == ()


def test_a_changed_source_is_published_with_all_labels() -> None:
    labels = Labels(source="web", segment="smb")
    _, (event,) = lead().update(contact=Contact(), labels=labels, attributes={})
    assert (event.source, event.segment) == ("web", "smb")


def test_a_lead_cannot_be_merged_into_itself() -> None:
    one = lead()
    with pytest.raises(DomainError):
        one.merge(into=one, at=AT)


@pytest.mark.parametrize("verb", ["assign", "touch", "convert", "update"])
def test_a_merged_lead_takes_no_more_commands(verb: str) -> None:
    merged, _ = lead().merge(into=lead(), at=AT)
    calls: dict[str, Any] = {
        "assign": lambda: merged.assign(to=REP, at=AT),
        "touch": lambda: merged.touch(None),  # type: ignore[arg-type]
        "convert": lambda: merged.convert(deal_id=DealId(new_id()), at=AT),
        "update": lambda: merged.update(contact=Contact(), labels=Labels(), attributes={}),
    }
    with pytest.raises(DomainError):
        calls[verb]()


def test_the_origin_names_only_the_steps_that_were_entered() -> None:
    converted, _ = lead(qualified_at=AT).convert(deal_id=DealId(new_id()), at=AT)
    origin = converted.origin(funnel())
    assert set(origin.steps) == {"lead", "mql", "sql"}


@given(
    st.lists(st.sampled_from(["assign", "accept", "reject", "recycle", "disqualify", "convert"]))
)
def test_a_refused_transition_leaves_a_lead_that_still_obeys_the_rules(verbs: list[str]) -> None:
    current, _ = capture(lead())
    converted = 0
    for verb in verbs:
        calls: dict[str, Any] = {
            "assign": lambda one: one.assign(to=REP, at=AT),
            "accept": lambda one: one.accept(by=REP, at=AT),
            "reject": lambda one: one.reject(by=REP, at=AT, reason_class="clerical"),
            "recycle": lambda one: one.recycle(at=AT, until=None, reason="later"),
            "disqualify": lambda one: one.disqualify(at=AT, reason="no-need"),
            "convert": lambda one: one.convert(deal_id=DealId(new_id()), at=AT),
        }
        try:
            current, event = calls[verb](current)
        except DomainError:
            continue
        assert event.lead_id == current.id
        converted += verb == "convert"
    assert converted <= 1
    assert (current.deal_id is not None) == (current.state is LeadState.CONVERTED)
    assert current.state is not LeadState.ACCEPTED or current.accepted_at is not None
