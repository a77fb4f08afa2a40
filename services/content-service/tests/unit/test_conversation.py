"""Feedback is answered once by its owner; win-loss voices are not mixed."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from content_service.domain.feedback import Answer, Feedback
from content_service.domain.winloss import WinLoss, check_speaks
from onefunnel.errors import DomainError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER = UUID(int=4)
ITEM = Feedback(UUID(int=1), "missing", "words", OWNER, date(2026, 3, 5), None, AT)
ANSWER = Answer("done", True, OWNER, AT)


def test_an_item_is_answered_once():
    answered, event = ITEM.answered(ANSWER)
    assert (event.changed, event.answered_by) == (True, OWNER)
    with pytest.raises(DomainError) as refused:
        answered.answered(ANSWER)
    assert refused.value.code == "already-decided"


def test_an_answer_is_late_the_day_after_it_was_due():
    assert [ITEM.overdue(date(2026, 3, day)) for day in (4, 5, 6)] == [False, False, True]
    assert not ITEM.answered(ANSWER)[0].overdue(date(2026, 4, 1))


@pytest.mark.parametrize(
    ("role", "person", "may"),
    [
        ("marketer", OWNER, True),
        ("marketer", UUID(int=9), False),
        ("marketer", None, True),
        ("rep", None, False),
        ("rep", UUID(int=9), False),
        ("manager", None, True),
        ("executive", UUID(int=9), True),
        ("admin", None, True),
        ("integration", None, False),
    ],
)
def test_the_owner_answers_or_somebody_above(role, person, may):
    if may:
        ITEM.check_answered_by(role, person)
        return
    with pytest.raises(DomainError) as refused:
        ITEM.check_answered_by(role, person)
    assert refused.value.kind == "forbidden"


def said(voice: str) -> WinLoss:
    return WinLoss(UUID(int=1), UUID(int=2), voice, ("price",), None, None, AT)


@pytest.mark.parametrize(
    ("voice", "earlier", "may"),
    [
        ("rep", set(), True),
        ("rep", {"rep"}, True),
        ("rep", {"buyer"}, True),
        ("rep", {"rep", "buyer"}, False),
        ("marketing", {"rep", "buyer"}, True),
        ("buyer", {"rep", "buyer"}, True),
    ],
)
def test_a_rep_cannot_change_their_reasons_once_the_buyer_spoke(voice, earlier, may):
    if may:
        assert said(voice).record(earlier).voice == voice
        return
    with pytest.raises(DomainError) as refused:
        said(voice).record(earlier)
    assert refused.value.kind == "conflict"


def test_a_rep_speaks_for_the_rep_alone():
    check_speaks("rep", "rep")
    check_speaks("manager", "buyer")
    with pytest.raises(DomainError):
        check_speaks("rep", "buyer")
