"""What every answer says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from metrics_service.application.metric import Refs
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """How fresh an answer is, and by which rules it was made; `refs` are the ids that have names."""

    as_of: Annotated[datetime, Field(description="Everything before this instant is counted.")]
    lag_events: Annotated[
        int,
        Field(description="Events of yours that wait for an earlier one."),
    ]
    stale: bool
    definitions: dict[str, str]
    refs: Refs


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAnswer(Projection):
    """An answer about some days, one group and some filters."""

    from_: Annotated[date, Field(alias="from")]
    to: date
    group_by: str | None
    filters: dict[str, str]


def head(situation: Situation, definitions: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of `Projection` except `refs`."""
    fresh = situation.freshness
    return {
        "as_of": fresh.as_of,
        "lag_events": fresh.lag_events,
        "stale": fresh.stale,
        "definitions": dict(definitions),
    }


def cut_head(cut: Cut, situation: Situation, definitions: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of `CutAnswer` except `refs`."""
    return {
        **head(situation, definitions),
        "from_": cut.window.from_,
        "to": cut.window.to,
        "group_by": cut.group_by,
        "filters": {str(k): v for k, v in cut.filters.items()},
    }
