from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from metrics_service.projections.pay.rounding import half_even, half_up
from metrics_service.projections.pay.split import divided, portion

from .telling import AMY, BOB, CAL

WEIGHTS = st.dictionaries(
    st.integers(1, 9).map(lambda n: UUID(int=n)), st.integers(1, 100), min_size=1, max_size=5
)


def test_thirds_of_a_hundred_and_one_cent_give_the_cent_by_id() -> None:
    assert divided(10_001, {CAL: 1, AMY: 1, BOB: 1}) == {AMY: 3_334, BOB: 3_334, CAL: 3_333}


def test_equal_fractions_go_to_the_greater_weight() -> None:
    assert divided(5, {BOB: 3, AMY: 7}) == {AMY: 4, BOB: 1}
    assert divided(5, {BOB: 7, AMY: 3}) == {AMY: 1, BOB: 4}


def test_the_greatest_fraction_comes_before_the_greatest_weight() -> None:
    assert divided(10, {AMY: 75, BOB: 16, CAL: 9}) == {AMY: 7, BOB: 2, CAL: 1}


@given(amount=st.integers(-(10**6), 10**6), weights=WEIGHTS, data=st.data())
def test_shares_sum_up_mirror_and_do_not_know_the_order(
    amount: int, weights: dict[UUID, int], data: st.DataObject
) -> None:
    shares = divided(amount, weights)
    assert sum(shares.values()) == amount
    assert divided(-amount, weights) == {id_: -share for id_, share in shares.items()}
    assert divided(amount, dict(data.draw(st.permutations(list(weights.items()))))) == shares


def test_an_overlay_is_rounded_on_its_own() -> None:
    assert portion(25, 1, 10) == 3
    assert portion(-25, 1, 10) == -3


def test_halves_round_away_from_zero_or_to_even() -> None:
    assert [half_up(n, 2) for n in (-5, -3, -1, 1, 3, 5)] == [-3, -2, -1, 1, 2, 3]
    assert [half_even(n, 2) for n in (-5, -3, -1, 1, 3, 5)] == [-2, -2, 0, 0, 2, 2]


@given(value=st.integers(-(10**9), 10**9), by=st.integers(1, 10**6))
def test_an_earning_and_its_reversal_cancel(value: int, by: int) -> None:
    for rule in (half_up, half_even):
        assert rule(value, by) == -rule(-value, by)
        assert abs(2 * (rule(value, by) * by - value)) <= by
