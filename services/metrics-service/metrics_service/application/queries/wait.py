"""Read your writes: wait until an event is in the numbers, or say why it is not."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event: folded, waiting for another one, refused, or not seen yet."""

    state: Literal["folded", "parked", "dead", "unseen"]
    reason: str | None
    lag_events: int
