"""Events rebuilt per second into a new generation, comparison and switch included, beside the live fold."""

from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.application.rebuild import rebuild
from tests.bench.fold import bench
from tests.bench.harness import measure, report

FLOOR, AIM = 80_000, 140_000


async def run() -> str:
    """Return the figure of a rebuild of everything that the fold had folded."""
    async with bench() as stage:
        pid = stage.server.pid()
        assert pid is not None
        fold = await measure(
            f"fold of {stage.events:,} events",
            stage.fold,
            server_pid=pid,
            before=stage.empty,
            rounds=1,
        )

        async def again() -> int:
            found = await rebuild(PostgresGenerations(stage.metrics))
            assert found.clean, found
            return stage.events

        figure = await measure(f"rebuild of {stage.events:,} events", again, server_pid=pid)
    return report("rebuild", figure, fold, floor=FLOOR, aim=AIM)
