"""Stages with fresh worlds."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from .sizes import Sizes, sizes
from .stage import Stage
from .world import drop_world, make_world

NewStage = Callable[..., Awaitable[Stage]]


@pytest.fixture(scope="session")
def size() -> Sizes:
    """Return how much is to be run."""
    return sizes()


@pytest.fixture
def on(request) -> str:
    """Return what the log is in: `postgres` unless a test says otherwise."""
    return getattr(request, "param", "postgres")


@pytest_asyncio.fixture
async def new_stage(postgres_server, tmp_path, on, request) -> AsyncIterator[NewStage]:
    """Return a function that makes a world of its own: `await new_stage(seed=3, events=60)`."""
    made: list[Stage] = []
    broker = request.getfixturevalue("local_broker") if on == "kafka" else None

    async def new(seed: int = 1, events: int = 60) -> Stage:
        world = await make_world(
            postgres_server,
            tmp_path / f"{len(made)}.notes",
            seed,
            events,
            bootstrap=broker and broker.bootstrap,
        )
        made.append(Stage(world))
        return made[-1]

    yield new
    for stage in made:
        await stage.clear()
        await drop_world(postgres_server, stage.world)
