"""The clock is a port: domain code takes times as arguments, composition roots pass a clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, as an aware UTC instant."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        ...


class SystemClock:
    """The host's clock. Decides what is written in `recordedtime`, never what is owed."""

    def now(self) -> datetime:
        """Return the host's current instant in UTC."""
        return datetime.now(UTC)
