"""Bytes on disk per event, in the journal and in the log, after a fold of at least 100,000 events."""

import asyncpg

from onefunnel.persistence.urls import url_of
from tests.bench.fold import Bench, bench
from tests.bench.harness import load, verdict

LEADS = 10_000
MILLION = 1_000_000
FLOOR, AIM = 500, 450  # bytes per event in the journal

_SIZE = "SELECT pg_total_relation_size($1::regclass)"
_PROJECTIONS = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
    FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'g1'::regnamespace"""


async def run() -> str:
    """Return bytes per event; the yardstick is the length of the records themselves."""
    async with bench(LEADS) as stage:
        assert stage.events >= 100_000, "too few to extrapolate from"
        await stage.fold()
        await stage.owner.execute("VACUUM ANALYZE journal")
        journal = await stage.owner.fetchval(_SIZE, "journal")
        records = await stage.owner.fetchval("SELECT sum(octet_length(record)) FROM journal")
        projections = await stage.owner.fetchval(_PROJECTIONS)
        log = await _log_bytes(stage)
        events = stage.events
    goal = verdict(journal / events, floor=FLOOR, aim=AIM)
    return (
        f"\ndisk ({load()}), from {events:,} events\n"
        f"  {_line('journal', journal, events)}   floor {FLOOR}, aim {AIM} B/event: {goal}\n"
        f"  {_line('log', log, events)}\n"
        f"  {_line('projections', projections, events)}\n"
        f"  {_line('the records alone', records, events)}"
    )


def _line(name: str, size: int, events: int) -> str:
    megabytes = size / events * MILLION / 1e6
    return f"{name:<20}{size / events:7.0f} B/event {megabytes:8,.0f} MB per 10^6 events"


async def _log_bytes(stage: Bench) -> int:
    connection = await asyncpg.connect(url_of(stage.server.url(""), "eventlog"))
    try:
        size: int = await connection.fetchval(_SIZE, "record_batch")
        return size
    finally:
        await connection.close()
