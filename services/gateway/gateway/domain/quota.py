"""How much one caller may ask: a bucket that refills steadily, so that no window has an edge to wait for.

It is the generic cell rate algorithm: one number per name, which is when its bucket would be full again.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

MAX_NAMES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left after a request was counted, or refused."""

    admitted: bool
    remaining: int
    full_in_s: int  # until nothing is missing
    retry_in_s: int  # until the next one is admitted; 0 if it was


class Quota:
    """At most `limit` at once for each name, refilled over `window_s`."""

    def __init__(self, limit: int, window_s: int, *, max_names: int = MAX_NAMES) -> None:
        self.limit = limit
        self.window_s = window_s
        self._one_s = window_s / limit
        self._max_names = max_names
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, now_s: float) -> Standing:
        """Count one for `name`, unless its bucket is empty. `now_s` never goes back."""
        before = max(self._full_at.get(name, now_s), now_s)
        after = before + self._one_s
        missing = after - now_s
        if missing > self.window_s * (1 + 1e-9):
            wait = ceil(missing - self.window_s)
            return Standing(False, 0, ceil(before - now_s), max(1, wait))
        self._full_at[name] = after
        self._full_at.move_to_end(name)
        if len(self._full_at) > self._max_names:
            self._full_at.popitem(last=False)  # of whom nothing was heard for longest
        remaining = int((self.window_s - missing) / self._one_s + 1e-6)
        return Standing(True, remaining, ceil(missing), 0)
