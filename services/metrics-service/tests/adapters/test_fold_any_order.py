"""The proof of the fold on PostgreSQL: whatever the order of topics, it says what the oracle says."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..oracle.histories import histories, interleaved
from ..oracle.oracle import Oracle
from .stage import Stage

async def test_smoke(stage):
    import itertools
    for n in range(20):
        found=[]
        @settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def draw(d):
            found.append(d.draw(histories()))
        draw()
        history = found[-1]
        o=Oracle(history)
        for k in range(3):
            await stage.clear()
            stage.tell(history if k==0 else interleaved(history, Random(k)))
            await stage.fold_all(events=[1000,1,7][k])
            assert await stage.counters()==o.counters()
            assert await stage.owed()==o.owed()
