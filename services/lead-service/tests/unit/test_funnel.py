"""Agreed steps, one owner each."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lead_service.domain.funnel import DraftStep, Funnel, default_steps
from onefunnel.errors import DomainError, ErrorKind
from onefunnel.ids import new_id

AT = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY = Funnel(new_id(), "default")


def test_the_default_steps_can_be_activated_and_each_has_an_owner() -> None:
    active, event = EMPTY.propose(default_steps()).activate(1, AT)
    assert active.active == 1
    assert [s.key for s in event.steps] == [
        "lead", "mql", "sal", "sql", "discovery", "evaluation", "proposal", "negotiation", "won",
    ]  # fmt: skip
    assert {s.owner for s in event.steps} == {"marketing", "sales"}


@pytest.mark.parametrize("missing", ["owner", "entry"])
def test_a_version_with_a_step_that_lacks_something_is_not_activated_and_says_which(
    missing: str,
) -> None:
    steps = list(default_steps())
    steps[2] = (
        replace(steps[2], owner=None) if missing == "owner" else replace(steps[2], entry=None)
    )
    with pytest.raises(DomainError) as refused:
        EMPTY.propose(tuple(steps)).activate(1, AT)
    assert refused.value.kind is ErrorKind.CONFLICT
    assert "sal" in refused.value.detail


def test_an_older_version_cannot_come_back_into_force() -> None:
    funnel = EMPTY.propose(default_steps()).propose(default_steps())
    active, _ = funnel.activate(2, AT)
    with pytest.raises(DomainError):
        active.activate(1, AT)


def test_a_version_in_force_is_not_touched_by_the_next_one() -> None:
    active, _ = EMPTY.propose(default_steps()).activate(1, AT)
    proposed = active.propose(default_steps()[:5])
    assert proposed.steps == default_steps()


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (DraftStep("a", "lead"), DraftStep("a", "lead")),
        (DraftStep("a", "deal"), DraftStep("b", "lead")),
        (DraftStep("a", "lead", entry="deal.won"),),
        (DraftStep("a", "deal", entry="deal.won"), DraftStep("b", "deal")),
        tuple(DraftStep(f"s{n}", "deal") for n in range(51)),
    ],
)
def test_steps_that_make_no_funnel_are_refused(steps: tuple[DraftStep, ...]) -> None:
    with pytest.raises(DomainError):
        EMPTY.propose(steps)
