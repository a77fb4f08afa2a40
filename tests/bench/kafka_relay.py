"""Events carried per second from an outbox to Kafka, beside a relay that takes one row at a time."""

from tests.bench.harness import measure, report
from tests.bench.kafka_stage import kafka_log
from tests.bench.relay import EVENTS, bench

FLOOR, AIM = 35_000, 80_000


async def run() -> str:
    """Return the figure of the relay beside its yardstick; the broker's own CPU is in neither."""
    async with kafka_log() as log, bench(log) as stage:
        pid = stage.server.pid()
        assert pid is not None
        figure = await measure(
            f"relay of {EVENTS:,} events to Kafka, 500 a batch",
            stage.relay,
            server_pid=pid,
            before=stage.fill,
        )
        naive = await measure(
            "the same, one row at a time", stage.one_at_a_time, server_pid=pid, before=stage.fill
        )
    return report("kafka_relay", figure, naive, floor=FLOOR, aim=AIM)
