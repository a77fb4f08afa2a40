"""How much is run: the short size on every change, the full one by `make faults`. The only place that says so.

`ONEFUNNEL_FAULTS` is `short`, `full`, or names of numbers: `schedules=500,kills=100`.
"""

import os
from dataclasses import dataclass, fields, replace
from typing import Final

VARIABLE: Final = "ONEFUNNEL_FAULTS"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each, at least; every loop over them is also bounded in time."""

    schedules: int = 300  # seeds of the simulation
    schedules_within_s: float = 240.0
    seeds_to_catch: int = 200  # a planted bug is caught within so many
    kills: int = 60  # kill -9 at a named point
    database_kills: int = 4  # all of PostgreSQL at once
    broker_kills: int = 2  # Kafka's broker, in the middle of what it is told
    episodes: int = 1  # of each kind of partition, full disk, clock
    first_seed: int = 1


SHORT: Final = Sizes()
FULL: Final = Sizes(
    schedules=3_000,
    schedules_within_s=1_800.0,
    kills=1_000,
    database_kills=60,
    broker_kills=15,
    episodes=8,
)


def sizes() -> Sizes:
    """Return the sizes that the environment asks for."""
    asked = os.environ.get(VARIABLE, "short")
    if asked in {"short", "full"}:
        return FULL if asked == "full" else SHORT
    kinds = {field.name: type(field.default) for field in fields(Sizes)}
    given = dict(part.split("=") for part in asked.split(","))
    return replace(SHORT, **{name: kinds[name](value) for name, value in given.items()})
