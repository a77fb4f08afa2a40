"""Events folded per second from Kafka, everything on, beside one transaction per event."""

from tests.bench.fold import LEADS, NAIVE, bench
from tests.bench.harness import measure, report
from tests.bench.kafka_stage import kafka_log

FLOOR, AIM = 25_000, 40_000


async def run() -> str:
    """Return the figure of the fold beside its yardstick; the broker's own CPU is in neither."""
    async with kafka_log() as log, bench(LEADS, log) as stage:
        pid = stage.server.pid()
        assert pid is not None
        figure = await measure(
            f"fold of {stage.events:,} events from Kafka",
            stage.fold,
            server_pid=pid,
            before=stage.empty,
        )
        naive = await measure(
            "the same fold, one transaction per event",
            lambda: stage.fold(NAIVE, events=1),
            server_pid=pid,
            before=stage.empty,
        )
    return report("kafka_fold", figure, naive, floor=FLOOR, aim=AIM)
