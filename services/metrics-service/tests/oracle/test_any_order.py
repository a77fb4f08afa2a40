"""The proof of the difference fold: whatever the order, it says what the oracle says."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .histories import histories, interleaved
from .memory_fold import MemoryFold
from .oracle import Fact, Oracle

PERMUTATIONS = 2_000
PER_HISTORY = 20


def folded(facts: list[Fact]) -> MemoryFold:
    fold = MemoryFold()
    for fact in facts:
        fold.take(fact)
    return fold


@settings(
    max_examples=PERMUTATIONS // PER_HISTORY,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories(), seed=st.integers(0, 2**32))
def test_counters_ledger_and_facts_do_not_depend_on_order_or_duplicates(
    history: list[Fact], seed: int
) -> None:
    oracle = Oracle(history)
    counters, owed = oracle.counters(), oracle.owed()
    told = folded(history)
    assert told.counters() == counters
    assert told.owed() == owed
    for n in range(PER_HISTORY - 1):
        fold = folded(interleaved(history, Random(seed + n)))
        assert fold.counters() == counters
        assert fold.owed() == owed
        assert fold.facts == told.facts
        assert fold.rules.dump() == told.rules.dump()
