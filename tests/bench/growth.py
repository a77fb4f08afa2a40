"""CPU for an event as the history grows: folds from Kafka of everything, of one company and of a larger one.

`make bench` goes to a million events, `make bench-large` to ten million. One round each, so that no figure here is
a median: the rate is the machine's of that hour, the CPU is what to compare.
"""

import os
import time

from metrics_service.adapters.counter_tables import TABLE_OF
from tests.bench.fold import Bench, bench
from tests.bench.harness import Figure, load, measure, verdict
from tests.bench.kafka_stage import kafka_log

LARGE = int(os.environ.get("BENCH_EVENTS", "1000000"))
SMALL = min(LARGE // 5, 1_000_000)
EVENTS_PER_LEAD = 11.4
# From 2 · 10^5 to 10^6, and from 10^6 to 10^7.
FLOOR, AIM = (1.5, 1.2) if LARGE <= 1_000_000 else (1.3, 1.2)


async def run() -> str:
    """Return CPU for an event in both, and how the one grows over the other."""
    (before, said), (after, more) = [await _fold(events) for events in (SMALL, LARGE)]
    growth = (after.python_us + after.postgres_us) / (before.python_us + before.postgres_us)
    goal = f"floor × {FLOOR}, aim × {AIM}: {verdict(growth, floor=FLOOR, aim=AIM)}"
    return (
        f"\ngrowth ({load()})\n  {before}\n    {said}\n  {after}\n    {more}\n"
        f"  CPU × {growth:.2f}   {goal}"
    )


async def _fold(events: int) -> tuple[Figure, str]:
    began = time.perf_counter()
    async with kafka_log() as log, bench(round(events / EVENTS_PER_LEAD), log) as stage:
        filled_s = time.perf_counter() - began
        pid = stage.server.pid()
        assert pid is not None
        name = f"fold of {stage.events:,} events from Kafka"
        figure = await measure(name, stage.fold, server_pid=pid, rounds=1)
        return figure, f"filled in {filled_s:,.0f} s; {await _left(stage)}"


async def _left(stage: Bench) -> str:
    journal = await stage.owner.fetchval("SELECT pg_total_relation_size('journal')")
    counters = [
        await stage.owner.fetchval(f"SELECT count(*) FROM g1.{table.name}")
        for table in TABLE_OF.values()
    ]
    per_event = journal / stage.events
    return f"journal {per_event:,.0f} B/event, {sum(counters) / stage.events:.2f} counters/event"
