"""The proof of the fold on PostgreSQL: whatever the order of topics, it says what the oracle says."""

from collections import defaultdict
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from onefunnel.events import spec_of

from ..oracle.histories import histories
from ..oracle.oracle import Fact, Oracle
from .stage import Stage

PERMUTATIONS = 1_000
CHUNKS = 10
HISTORIES = 5  # in a chunk


def twice(facts: list[Fact], r: Random) -> list[Fact]:
    """Every event twice, in any order that keeps each aggregate's sequence for the first tellings."""
    streams: dict[object, list[Fact]] = defaultdict(list)
    for fact in facts:
        spec = spec_of(fact.event)
        streams[spec.aggregate, getattr(fact.event, spec.key)].append(fact)
    order = [key for key, stream in streams.items() for _ in stream]
    r.shuffle(order)
    told = [streams[key].pop(0) for key in order]
    for fact in list(told):
        told.insert(r.randrange(told.index(fact) + 1, len(told) + 1), fact)
    return told


@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_projections_and_book_depend_on_neither_order_nor_duplicates(
    stage: Stage, chunk: int
) -> None:
    @settings(
        max_examples=HISTORIES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        drawn.append(data.draw(histories()))

    drawn: list[list[Fact]] = []
    draw()
    for number, history in enumerate(drawn):
        oracle = Oracle(history)
        counters, owed = oracle.counters(), oracle.owed()
        first = None
        for n in range(PERMUTATIONS // CHUNKS // HISTORIES):
            r = Random(f"{chunk} {number} {n}")
            await stage.clear()
            stage.tell(twice(history, r))
            await stage.fold_all(events=r.choice([1, 3, 10, 1_000]))
            assert await stage.counters() == counters
            assert await stage.owed() == owed
            dump = await stage.dump()
            first = first or dump
            assert dump == first
            assert await stage.driver.fetchval("SELECT count(*) FROM journal") == len(history)
            assert not await stage.driver.fetchval("SELECT count(*) FROM dead_event")
