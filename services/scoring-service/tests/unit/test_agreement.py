"""How a definition comes into force."""

from datetime import timedelta
from uuid import UUID

import pytest

from onefunnel.errors import DomainError
from scoring_service.domain.agreement import InForce, Signature, Status, Version, in_force

from .unit_definitions import NOON, text_of

DEFINITION_ID = UUID(int=9)


def signature(name: str, person: int | None = None) -> Signature:
    return Signature(name, UUID(int=person) if person else None, NOON)


def draft(**changes) -> Version:
    fields = {"number": 1, "document": text_of(), "status": Status.DRAFT, "effective_from": None}
    return Version(**(fields | changes))


def signed(**changes) -> Version:
    return draft(**changes).sign("marketing", signature("m")).sign("sales", signature("s"))


def test_a_draft_with_both_signatures_comes_into_force():
    version, event = signed().activate(DEFINITION_ID, at=NOON, last=None)
    assert version.status is Status.ACTIVE
    assert version.effective_from == event.effective_from == NOON
    assert (event.definition_id, event.version) == (DEFINITION_ID, 1)


@pytest.mark.parametrize("side", ["marketing", "sales"])
def test_one_signature_is_not_enough(side):
    with pytest.raises(DomainError, match=r"signature of (sales|marketing) is missing") as refused:
        draft().sign(side, signature("x")).activate(DEFINITION_ID, at=NOON, last=None)
    assert refused.value.kind == "conflict"


def test_no_signature_is_not_enough():
    with pytest.raises(DomainError, match="marketing and sales"):
        draft().activate(DEFINITION_ID, at=NOON, last=None)


def test_each_side_signs_once():
    with pytest.raises(DomainError, match="already"):
        draft().sign("sales", signature("a")).sign("sales", signature("b"))


@pytest.mark.parametrize("other", [signature("m"), signature("other key of the same person", 7)])
def test_nobody_signs_for_both_sides(other):
    first = draft().sign("marketing", signature("m", 7))
    with pytest.raises(DomainError, match="two people"):
        first.sign("sales", other)


def test_an_active_version_is_neither_signed_nor_activated_again():
    active, _ = signed().activate(DEFINITION_ID, at=NOON, last=None)
    with pytest.raises(DomainError, match="active"):
        active.sign("sales", signature("late"))
    with pytest.raises(DomainError, match="active"):
        active.activate(DEFINITION_ID, at=NOON, last=NOON)


def test_the_first_version_may_begin_in_the_past_and_a_later_one_may_not():
    past = NOON - timedelta(days=400)
    version, _ = signed(effective_from=past).activate(DEFINITION_ID, at=NOON, last=None)
    assert version.effective_from == past
    with pytest.raises(DomainError, match="now or later"):
        signed(number=2, effective_from=past).activate(DEFINITION_ID, at=NOON, last=past)


def test_a_version_cannot_begin_before_the_one_that_is_to_follow_it():
    planned = NOON + timedelta(days=30)
    with pytest.raises(DomainError, match="now or later"):
        signed(number=3).activate(DEFINITION_ID, at=NOON, last=planned)


def test_the_version_in_force_is_the_latest_that_has_begun():
    versions = [InForce(n, NOON + timedelta(days=10 * n), text_of()) for n in (2, 0, 1)]
    at = [in_force(versions, NOON + timedelta(days=d)) for d in (-1, 0, 19, 20, 500)]
    assert [found and found.number for found in at] == [None, 0, 1, 2, 2]
