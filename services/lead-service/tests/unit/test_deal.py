"""What may happen to a deal."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_service.domain.booking import check_credits, check_lines, paid_back
from lead_service.domain.deal import Deal, DealState, Loss, Terms, open_deal
from lead_service.domain.funnel import Funnel, default_steps
from onefunnel.errors import DomainError
from onefunnel.events.deal import Credit, DealLine
from onefunnel.events.values import DealId, Money, PersonId
from onefunnel.ids import new_id

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
FUNNEL = Funnel(new_id(), "default").propose(default_steps()).activate(1, AT)[0]
STAGES = FUNNEL.stages()
PERSONS = [PersonId(new_id()) for _ in range(6)]


def deal(**changes: Any) -> Deal:
    given: dict[str, Any] = {
        "id": DealId(new_id()),
        "stage": STAGES[0],
        "currency": "EUR",
        "created_at": AT,
        "terms": Terms(),
    }
    return Deal(**(given | changes))


def line(revenue_minor: int = 1_000, **changes: Any) -> DealLine:
    return DealLine(**({"line_id": "1", "revenue_minor": revenue_minor} | changes))


def won(revenue_minor: int = 1_000) -> Deal:
    return deal().win(at=AT, lines=(line(revenue_minor),), shares=(Credit(person_id=PERSONS[0]),))[
        0
    ]


def test_an_unknown_step_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DomainError) as refused:
        open_deal(deal(stage="qualifying"), FUNNEL)
    assert all(stage in refused.value.detail for stage in STAGES)
    assert "qualifying" not in refused.value.detail


def test_won_is_no_step_to_move_to() -> None:
    with pytest.raises(DomainError):
        deal().move(to="won", at=AT, funnel=FUNNEL)


@given(st.lists(st.sampled_from(STAGES), max_size=12))
def test_steps_may_be_entered_in_any_order_and_each_event_begins_where_the_last_ended(
    stages: list[str],
) -> None:
    current, place = deal(), STAGES[0]
    for stage in stages:
        current, events = current.move(to=stage, at=AT, funnel=FUNNEL)
        assert len(events) == (stage != place)
        for event in events:
            assert (event.from_, event.to) == (place, stage)
        place = stage
        assert current.stage == stage


def test_a_closed_deal_does_not_move() -> None:
    with pytest.raises(DomainError):
        won().move(to=STAGES[1], at=AT, funnel=FUNNEL)


def test_a_correction_has_the_next_version_and_replaces_the_booking() -> None:
    corrected, event = won().correct(at=AT, lines=(line(700),), shares=())
    assert event.version == 2
    assert corrected.booking is not None
    assert corrected.booking.revenue_minor == 700


def test_a_deal_won_again_after_reopening_has_a_higher_version() -> None:
    opened, _ = won().reopen(at=AT)
    _, event = opened.win(at=AT, lines=(line(),), shares=())
    assert event.version == 2


def test_only_a_won_deal_can_be_corrected_refunded_paid_or_cancelled() -> None:
    lost, _ = deal().lose(at=AT, loss=Loss("ghosted", "silence"))
    for call in (
        lambda: lost.correct(at=AT, lines=(), shares=()),
        lambda: lost.refund(refund_id=new_id(), at=AT, share=Fraction(1)),
        lambda: lost.receive(
            payment_id=new_id(), at=AT, amount=Money(amount_minor=1, currency="EUR")
        ),
        lambda: lost.cancel(at=AT),
    ):
        with pytest.raises(DomainError):
            call()


def test_a_cancelled_deal_can_be_reopened() -> None:
    cancelled, _ = won().cancel(at=AT)
    assert cancelled.state is DealState.CANCELLED
    assert cancelled.reopen(at=AT)[0].state is DealState.OPEN


def test_a_deal_with_a_refund_is_not_reopened() -> None:
    refunded, _ = won().refund(refund_id=new_id(), at=AT, share=Fraction(1, 2))
    with pytest.raises(DomainError):
        refunded.reopen(at=AT)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "0"},
        {"quantity": "-1"},
        {"revenue_minor": -1},
        {"cost_minor": -1},
        {"list_minor": -1},
    ],
)
def test_a_line_that_no_invoice_could_have_is_refused_with_its_place(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(DomainError) as refused:
        check_lines((line(), line(line_id="2", **changes)))
    assert refused.value.pointer == f"/lines/1/{next(iter(changes))}"


def test_lines_whose_sum_no_sum_could_hold_are_refused() -> None:
    check_lines((line(10**15),))
    with pytest.raises(DomainError):
        check_lines((line(10**15), line(1, line_id="2")))


def test_two_lines_of_one_id_are_refused() -> None:
    with pytest.raises(DomainError):
        check_lines((line(), line()))


def credits_of(*splits: str | None, role: str = "owner") -> tuple[Credit, ...]:
    pairs = zip(PERSONS, splits, strict=False)
    return tuple(
        Credit.model_validate({"person_id": p, "role": role, "split": s}) for p, s in pairs
    )


@pytest.mark.parametrize(
    "splits",
    [
        ("0.5", "0.4999"),
        ("0.5", "0.5001"),
        ("0.5", None),
        ("1", "0"),
        ("1.5", "-0.5"),
        ("0.333333333333", "0.333333333333", "0.333333333333"),
    ],
)
def test_owners_splits_that_are_not_exactly_one_are_refused(splits: tuple[str | None, ...]) -> None:
    with pytest.raises(DomainError):
        check_credits(credits_of(*splits))


@pytest.mark.parametrize("splits", [("1",), ("0.5", "0.50"), (None, None), ("0.1", "0.2", "0.7")])
def test_owners_splits_of_exactly_one_or_none_are_taken(splits: tuple[str | None, ...]) -> None:
    check_credits(credits_of(*splits))


def test_overlay_and_marketer_may_have_any_share() -> None:
    check_credits((*credits_of("1"), *credits_of("0.3", "5", role="overlay")))


def test_a_person_credited_twice_in_a_role_is_refused_in_two_roles_not() -> None:
    twice = Credit(person_id=PERSONS[0])
    check_credits((twice, Credit(person_id=PERSONS[0], role="overlay")))
    with pytest.raises(DomainError):
        check_credits((twice, twice))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_any_exact_division_of_one_is_taken(weights: list[int]) -> None:
    parts = [Decimal(w) / 10**7 for w in weights]
    rest = 1 - sum(parts)
    check_credits(credits_of(*(format(p, "f") for p in parts[:-1]), format(rest + parts[-1], "f")))


@given(st.lists(st.fractions(Fraction(1, 1000), 1), min_size=1, max_size=8))
def test_published_refunds_never_drift_from_what_was_refunded(shares: list[Fraction]) -> None:
    total, published = Fraction(0), Decimal(0)
    for share in shares:
        if total + share > 1:
            with pytest.raises(DomainError):
                paid_back(total, share)
            continue
        total, text = paid_back(total, share)
        published += Decimal(text)
    assert abs(Fraction(published) - total) <= Fraction(1, 2 * 10**12)


@given(st.integers(1, 10**15), st.integers(2, 7))
def test_refunds_of_amounts_that_make_the_whole_publish_exactly_one(
    revenue: int, parts: int
) -> None:
    if revenue < parts:
        return
    amounts = [revenue // parts] * (parts - 1)
    amounts.append(revenue - sum(amounts))
    total, published = Fraction(0), Decimal(0)
    for amount in amounts:
        total, text = paid_back(total, Fraction(amount, revenue))
        published += Decimal(text)
    assert published == 1


def test_a_refund_beyond_the_booking_is_refused() -> None:
    refunded, _ = won().refund(refund_id=new_id(), at=AT, share=Fraction(2, 3))
    with pytest.raises(DomainError):
        refunded.refund(refund_id=new_id(), at=AT, share=Fraction(1, 2))


def test_payments_whose_sum_no_sum_could_hold_are_refused() -> None:
    paid, _ = won().receive(
        payment_id=new_id(), at=AT, amount=Money(amount_minor=10**15, currency="EUR")
    )
    with pytest.raises(DomainError):
        paid.receive(payment_id=new_id(), at=AT, amount=Money(amount_minor=1, currency="EUR"))


def test_another_currency_is_refused_everywhere() -> None:
    dollars = Money(amount_minor=1, currency="USD")
    with pytest.raises(DomainError):
        deal().update(name=None, terms=Terms(amount=dollars))
    with pytest.raises(DomainError):
        won().receive(payment_id=new_id(), at=AT, amount=dollars)
    with pytest.raises(DomainError):
        won().share_of(dollars)
