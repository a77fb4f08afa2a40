"""Small values that several aggregates share, and the limits of what one of them may hold."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from onefunnel.errors import broken_rule
from onefunnel.events.values import MAX_MINOR

MAX_MEMBERSHIPS: Final = 100
MAX_REPORTING_DEPTH: Final = 50
MAX_STEPS: Final = 50
MAX_FUNNEL_VERSIONS: Final = 200
MAX_LINES: Final = 200
MAX_CREDITS: Final = 100
MAX_MERGED_TOUCHES: Final = 1_000
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SLACK: Final = timedelta(minutes=5)

# A date means its start in the tenant's zone; an instant is what it is.
When = date | datetime


@dataclass(frozen=True, slots=True)
class External:
    """How another system names the thing: unique per tenant, kind and source."""

    source: str
    id: str


def instant_of(when: When, zone: ZoneInfo) -> datetime:
    """Return the instant that a date or time of a body means, in UTC."""
    if isinstance(when, datetime):
        return when.astimezone(UTC)
    return datetime.combine(when, time(), zone).astimezone(UTC)


def check_past(at: datetime, now: datetime, pointer: str) -> None:
    """Refuse what has not happened yet, and what is older than any record can be."""
    if at > now + CLOCK_SLACK:
        raise broken_rule(
            "This time lies in the future; give the time when it happened.", pointer=pointer
        )
    if at < EARLIEST:
        raise broken_rule("Times before 1990 are refused.", pointer=pointer)


def check_sum(amounts_minor: int, pointer: str) -> None:
    """Refuse a sum that no later sum could hold."""
    if abs(amounts_minor) > MAX_MINOR:
        raise broken_rule("The sum of the amounts is beyond 10^15 minor units.", pointer=pointer)
