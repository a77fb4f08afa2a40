"""The proof of the difference fold: whatever the order, it says what the oracle says."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import ADJUSTMENTS

from .histories import histories, interleaved
from .memory_fold import MemoryFold
from .oracle import Fact, Oracle

PERMUTATIONS = 20_000
PER_HISTORY = 20
PARTS = 20  # each a test of its own, so that none comes near the time limit of a test


def folded(facts: list[Fact]) -> MemoryFold:
    fold = MemoryFold()
    for fact in facts:
        fold.take(fact)
    return fold


@pytest.mark.parametrize("part", range(PARTS))
@settings(
    max_examples=PERMUTATIONS // PER_HISTORY // PARTS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_what_is_folded_does_not_depend_on_order_or_duplicates(
    part: int, data: st.DataObject
) -> None:
    del part
    history, seed = data.draw(histories()), data.draw(st.integers(0, 2**32))
    oracle = Oracle(history)
    counters, owed = oracle.counters(), oracle.owed()
    told = folded(history)
    assert told.counters() == counters
    assert told.owed() == owed
    assert Definitions.load(told.rules.dump()).dump() == told.rules.dump()
    for n in range(PER_HISTORY - 1):
        fold = folded(interleaved(history, Random(seed + n)))
        assert fold.counters() == counters
        assert fold.owed() == owed
        assert fold.facts == told.facts
        assert fold.rules.dump() == told.rules.dump()
        assert_nothing_is_posted_into_a_closed_period(fold)


def assert_nothing_is_posted_into_a_closed_period(fold: MemoryFold) -> None:
    for key, posting, _amount in fold.ledger:
        assert (posting.kind == "retro") == (
            posting.period != key.earned_period and key.component != ADJUSTMENTS
        )
        assert posting.period >= key.earned_period
