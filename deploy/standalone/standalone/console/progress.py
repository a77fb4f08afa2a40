"""Progress of a long job on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

import sys
import time
from typing import Final, TextIO

_QUIET_FIRST_S: Final = 0.5
_TERMINAL_EVERY_S: Final = 0.1
_LOG_EVERY_S: Final = 10.0
_WIDTH: Final = 24


class Progress:
    """Counts up to a total; shows count, rate and the time that is left."""

    def __init__(self, label: str, total: int, unit: str, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._label = label
        self._total = max(total, 1)
        self._unit = unit
        self._done = 0
        self._began = time.monotonic()
        self._next = self._began + (_QUIET_FIRST_S if self._terminal else _LOG_EVERY_S)
        self._shown = False

    def add(self, count: int = 1) -> None:
        """Count on, and show it if it is time to."""
        self._done += count
        now = time.monotonic()
        if now >= self._next:
            self._show(now)
            self._next = now + (_TERMINAL_EVERY_S if self._terminal else _LOG_EVERY_S)

    def finish(self) -> None:
        """Leave the bar as it stands and end its line."""
        if self._shown and self._terminal:
            self._show(time.monotonic())
            self._stream.write("\n")
            self._stream.flush()

    def _show(self, now: float) -> None:
        self._shown = True
        text = self._text(now)
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()

    def _text(self, now: float) -> str:
        share = min(self._done / self._total, 1)
        rate = self._done / max(now - self._began, 0.001)
        left = (self._total - self._done) / rate if rate and self._done < self._total else 0
        full = round(share * _WIDTH)
        bar = "█" * full + "░" * (_WIDTH - full)
        counted = f"{self._done:,} of {self._total:,} {self._unit}"
        return f"  {self._label:<12} {bar} {counted}  {rate:,.0f}/s  {left:,.0f} s left"
