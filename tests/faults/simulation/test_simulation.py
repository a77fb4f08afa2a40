"""Thousands of orders of statements and faults; every one of them ends where the oracle says."""

import time
from collections import Counter
from itertools import count

import pytest

from onefunnel.testing.postgres import run_apart

from ..figures import note
from ..sizes import Sizes
from ..world import World, make_world
from .bugs import BUGS
from .running import Broken, simulate

RARE = (
    "crash", "commit of unknown outcome", "waited for a lock", "zombie relay fenced",
    "zombie fold fenced", "idle transaction ended", "duplicate", "refused", "cancel",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(postgres_server, tmp_path_factory) -> World:
    notes = tmp_path_factory.mktemp("simulation") / "notes"
    made = run_apart(make_world(postgres_server, notes, 0, 0))
    yield made
    postgres_server.drop(list(made.databases.values()))


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("half", [0, 1])  # for two processors
def test_every_schedule_ends_where_the_oracle_says(world: World, size: Sizes, half: int) -> None:
    until = time.monotonic() + size.schedules_within_s
    reached: Counter[str] = Counter()
    schedules = 0
    for seed, outcome in simulate(world, count(size.first_seed + half, 2)):
        if outcome.error:
            raise Broken(seed, outcome) from outcome.error
        reached.update(outcome.reached)
        schedules += 1
        if schedules >= size.schedules / 2 or time.monotonic() > until:
            break
    note(schedules=schedules)
    rare = RARE if schedules >= 100 else ()
    assert all(reached[state] for state in rare), reached


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(postgres_server, tmp_path, monkeypatch, bug, size: Sizes) -> None:
    """A simulation that cannot find it proves nothing."""
    world = run_apart(make_world(postgres_server, tmp_path / "notes", 0, 0))
    seeds = range(size.first_seed, size.first_seed + size.seeds_to_catch)
    runs = simulate(world, seeds, prepare=lambda watch: bug(monkeypatch, watch))
    caught = next(((seed, outcome.error) for seed, outcome in runs if outcome.error), None)
    runs.close()
    postgres_server.drop(list(world.databases.values()))
    assert caught is not None, f"not within {len(seeds)} seeds"
    note(bugs_caught=1)


@pytest.mark.parametrize("nth", range(5))
def test_a_seed_is_a_schedule(world: World, size: Sizes, nth: int) -> None:
    """The same seed is played the same again; at the third time, where a busy server was late once."""
    seed = size.first_seed + nth
    one, *more = (outcome.trace for _, outcome in simulate(world, [seed] * 3))
    assert one in more or more[0] == more[1], "; ".join(_difference(one, other) for other in more)


def _difference(one: list[str], other: list[str]) -> str:
    steps = enumerate(zip(one, other, strict=False))
    differs = next((n for n, (a, b) in steps if a != b), min(len(one), len(other)))
    return f"{one[: differs + 1][-4:]} became {other[: differs + 1][-4:]}"
