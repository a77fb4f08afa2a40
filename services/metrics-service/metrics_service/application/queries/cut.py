"""What part of the whole is asked for: a window, one way to group, filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from metrics_service.application.metric import Window
from onefunnel.errors import DomainError, ErrorKind, invalid

Dimension = Literal[
    "person", "manager", "team", "region",
    "source", "campaign", "segment", "product", "account",
]  # fmt: skip

# The counters know owners; where they stood is in the org chart of the day.
OWNED: Final = frozenset({"person", "manager", "team", "region"})

MAX_DAYS: Final = 400  # of a question that counters cannot answer
LONGEST: Final = 366 * 30  # days of any window


@dataclass(frozen=True, slots=True)
class Stretch:
    """A person's things, between two days, both inclusive."""

    person: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Cut:
    """A window, at most one dimension to group by, and filters: dimension to value ("" is nobody).

    `within` keeps it to what belongs to some people on some days; None is everybody and nobody.
    """

    window: Window
    group_by: Dimension | None = None
    filters: Mapping[Dimension, str] = field(default_factory=dict)
    within: tuple[Stretch, ...] | None = None

    @property
    def dimensions(self) -> set[Dimension]:
        """Every dimension that plays a part."""
        found = {*self.filters, *([self.group_by] if self.group_by else [])}
        return found if self.within is None else found | {"person"}

    def holds(self, owner: str, day: date) -> bool:
        """Say whether what was `owner`'s on a day is within the cut."""
        return self.within is None or any(
            s.person == owner and s.first <= day <= s.last for s in self.within
        )

    @property
    def counted(self) -> bool:
        """Say whether counters can answer: they know one dimension at a time, owners in the org chart."""
        return len(self.dimensions) <= 1 or self.dimensions <= OWNED

    @property
    def counted_by_step(self) -> bool:
        """Say whether the funnel's counters can answer: steps are not counted by account."""
        return self.counted and "account" not in self.dimensions

    def check_narrow(self, *, counted: bool) -> None:
        """Refuse what would have to be recounted over too many days."""
        if not counted and (self.window.to - self.window.from_).days > MAX_DAYS:
            raise too_wide()

    def of(self, group: str) -> dict[str, str]:
        """Return the filters that hold for one group of this cut, as query parameters."""
        found = {str(dimension): value for dimension, value in self.filters.items()}
        if self.group_by:
            found[self.group_by] = group
        return found


def window(from_: date | None, to: date | None, today: date, *, days: int | None = None) -> Window:
    """Return the days asked for; the last twelve months, or so many days, unless told."""
    end = to or today + timedelta(days=1)
    start = from_ or (end - timedelta(days=days) if days else _year_before(end))
    if start >= end:
        raise invalid("`from` is before `to`; `to` itself is not counted.", pointer="/to")
    if (end - start).days > LONGEST:
        raise invalid("Ask for at most 30 years.", pointer="/from")
    return Window(start, end)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # the 29th of February has no day a year before it
        return day.replace(year=day.year - 1, day=28)


def too_wide() -> DomainError:
    """Return the error for a question that would have to read too many deals or leads."""
    return DomainError(
        "too-wide",
        f"Combine dimensions, or explain a number, over at most {MAX_DAYS} days.",
        kind=ErrorKind.RULE,
    )


def too_many(limit: int) -> DomainError:
    """Return the error for a question that too many deals or leads have a part in."""
    return DomainError(
        "too-wide",
        f"More than {limit} deals or leads have a part in this; ask for fewer days or filter.",
        kind=ErrorKind.RULE,
    )


class Links:
    """Builds the explain links of one group: what they share is written once."""

    def __init__(self, window_: Window, parameters: Mapping[str, str]) -> None:
        query = {"from": window_.from_.isoformat(), "to": window_.to.isoformat(), **parameters}
        self._base = f"/v1/explain?{urlencode(query)}&metric="

    def to(self, metric: str, **more: str) -> str:
        """Return the link to a metric; its name and what is added are plain words."""
        return self._base + metric + "".join(f"&{name}={value}" for name, value in more.items())


# How lists of deals call what we group by; what they cannot filter by has no such list.
_LISTED_BY: Final[Mapping[str, str]] = {
    "person": "owner", "account": "account", "source": "source", "campaign": "campaign",
}  # fmt: skip


def open_deals(parameters: Mapping[str, str], **more: str) -> dict[str, str]:
    """Return the link to the very deals that a count of open deals is made of, where there is one."""
    if not all(name in _LISTED_BY and value for name, value in parameters.items()):
        return {}
    query = {_LISTED_BY[name]: value for name, value in parameters.items()}
    return {"open_now": f"/v1/deals?{urlencode({'state': 'open', **more, **query})}"}


def explain(metric: str, window_: Window, parameters: Mapping[str, str]) -> str:
    """Return the URL that lists what a number is made of."""
    return Links(window_, parameters).to(metric)
