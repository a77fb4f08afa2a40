"""CPU for an event as the history grows: one fold from Kafka of everything, read at several lengths.

`make bench` goes to a million events, `make bench-large` to ten million. One pass, so that no figure here is a
median; the rate in it is the machine's of that hour, the CPU is what to compare.
"""

import os
import time
from itertools import pairwise

from metrics_service.adapters.counter_tables import TABLE_OF
from tests.bench.fold import Bench, bench
from tests.bench.harness import load, postgres_cpu, verdict
from tests.bench.kafka_stage import kafka_log

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
EVENTS_PER_LEAD = 11.3
LENGTHS = (0, 100_000, 200_000, 500_000, 900_000, 1_000_000, 2_000_000, 5_000_000, 9_000_000)
# CPU for an event of the last stretch over that of the base: 10^6 over 2 · 10^5, 10^7 over 10^6.
FLOOR, AIM = (1.5, 1.2) if EVENTS <= 1_000_000 else (1.3, 1.2)
BASE = 200_000 if EVENTS <= 1_000_000 else 1_000_000


async def run() -> str:
    """Return CPU for an event in each stretch of one long fold."""
    began = time.perf_counter()
    async with kafka_log() as log, bench(round(EVENTS / EVENTS_PER_LEAD), log) as stage:
        filled_s = time.perf_counter() - began
        ends = [*(n for n in LENGTHS if n < stage.events), stage.events]
        lines, costs = [], {}
        for start, end in pairwise(ends):
            line, costs[end] = await _stretch(stage, start, end)
            lines.append(line)
        journal = await stage.owner.fetchval("SELECT pg_total_relation_size('journal')")
        counters = [
            await stage.owner.fetchval(f"SELECT count(*) FROM g1.{table.name}")
            for table in TABLE_OF.values()
        ]
    growth = costs[stage.events] / costs[BASE]
    goal = verdict(growth, floor=FLOOR, aim=AIM)
    return "\n  ".join(
        [
            f"\ngrowth ({load()}), {stage.events:,} events from Kafka, filled in {filled_s:,.0f} s",
            *lines,
            f"last stretch over that before {BASE:,}: × {growth:.2f}   floor × {FLOOR}, aim × {AIM}: {goal}",
            f"journal {journal / stage.events:,.0f} B/event, {sum(counters):,} counters",
        ]
    )


async def _stretch(stage: Bench, start: int, end: int) -> tuple[str, float]:
    pid = stage.server.pid()
    assert pid is not None
    wall, python, postgres = time.perf_counter(), time.process_time(), postgres_cpu(pid)
    done = await stage.fold(end - start)
    wall, python = time.perf_counter() - wall, time.process_time() - python
    cpu_us = (python + postgres_cpu(pid) - postgres) / done * 1e6
    line = (
        f"{start:>10,} to {end:>10,} {done / wall:12,.0f}/s {cpu_us:8.1f} µs CPU"
        f" ({python / done * 1e6:.1f} Python)"
    )
    return line, cpu_us
