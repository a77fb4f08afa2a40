from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from metrics_service.projections.keys import (
    VECTOR_OF,
    DurationKey,
    DurationVector,
    Key,
    LeadUseKey,
    LeadUseVector,
    PayKey,
    PayVector,
    Vector,
)
from metrics_service.projections.shape import (
    Group,
    Shape,
    accumulate,
    add_difference,
    difference,
    plus,
    spelled_out,
)

DAY = date(2026, 1, 1)
ONE = LeadUseVector(1, 0)
DIMS = st.lists(
    st.sampled_from([("all", ""), ("owner", "a"), ("owner", "b"), ("source", "web")]), unique=True
).map(tuple)
CELLS = st.dictionaries(
    st.integers(1, 3).map(lambda n: (LeadUseKey, (), (DAY.replace(day=n),))),
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)).map(lambda pair: LeadUseVector(*pair)),
)
PAY = st.dictionaries(
    st.integers(1, 2).map(lambda n: PayKey(UUID(int=n), UUID(int=n), UUID(int=n), "c", "2026", "EUR")),
    st.integers(-2, 2).map(lambda n: PayVector(n, n, n, n)),
)  # fmt: skip
SHAPES = st.builds(
    Shape, st.lists(st.builds(Group, DIMS, CELLS), min_size=2, max_size=2).map(tuple), PAY
)


def minus(left: dict[Key, Vector], right: dict[Key, Vector]) -> dict[Key, Vector]:
    found = {}
    for key in left.keys() | right.keys():
        nothing = VECTOR_OF[type(key)]()
        pairs = zip(left.get(key, nothing), right.get(key, nothing), strict=True)
        found[key] = tuple(a - b for a, b in pairs)
    return {key: vector for key, vector in found.items() if any(vector)}


@given(before=SHAPES | st.just(Shape()), after=SHAPES | st.just(Shape()))
def test_a_difference_is_what_was_spelled_out_after_less_before(
    before: Shape, after: Shape
) -> None:
    changes = difference(before, after)
    assert changes == minus(spelled_out(after), spelled_out(before))
    assert all(type(vector) is VECTOR_OF[type(key)] for key, vector in changes.items())
    totals: dict[Key, Vector] = {}
    changed = add_difference(totals, before, after)
    assert {key: vector for key, vector in totals.items() if any(vector)} == changes
    assert {key for key in changes if type(key) is PayKey} <= set(changed)


def test_the_same_vector_in_two_groups_counts_twice() -> None:
    group = Group((("all", ""),), {(LeadUseKey, (), (DAY,)): ONE})
    assert spelled_out(Shape((group, group))) == {LeadUseKey("all", "", DAY): LeadUseVector(2, 0)}


def test_the_same_vector_added_twice_counts_twice() -> None:
    totals: dict[Key, Vector] = {}
    for _ in range(2):
        accumulate(totals, {LeadUseKey("all", "", DAY): ONE})
    assert totals == {LeadUseKey("all", "", DAY): LeadUseVector(2, 0)}


def test_keys_of_two_tables_are_never_the_same_key() -> None:
    # Named tuples are equal when their fields are: the tables must differ in number or kind of these.
    shapes = {(len(kind._fields), *map(str, kind.__annotations__.values())) for kind in VECTOR_OF}
    assert len(shapes) == len(VECTOR_OF)


def test_a_sum_has_the_kind_of_its_parts() -> None:
    total = plus(DurationVector(1), DurationVector(2))
    assert type(total) is DurationVector
    assert total == DurationVector(3)
    assert DurationKey._fields[-1] == "whole_days"
