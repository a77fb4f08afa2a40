"""Query parameters of the metrics, parsed into cuts. Unknown ones are refused by the route."""

from dataclasses import replace
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from metrics_service.application.queries.cut import Cut, Dimension, window
from metrics_service.application.queries.situation import Situation
from onefunnel.errors import invalid
from onefunnel.http.bodies import Day

FunnelDimension = Literal[
    "owner", "person", "manager", "team", "region",
    "source", "campaign", "segment", "product", "account",
]  # fmt: skip

_IDS: Final = frozenset({"person", "manager", "campaign", "product", "account"})
_MAX_VALUE: Final = 64

Value = Annotated[str | None, Field(max_length=_MAX_VALUE)]


class FilterParameters(BaseModel):
    """Local dates, half-open, and filters. An empty filter value means nobody or none."""

    model_config = ConfigDict(populate_by_name=True)  # the route refuses unknown parameters

    from_: Annotated[Day | None, Field(alias="from", description="First local day.")] = None
    to: Annotated[Day | None, Field(description="First local day that is not counted.")] = None
    person: Value = None
    manager: Value = None
    team: Value = None
    region: Value = None
    source: Value = None
    campaign: Value = None
    segment: Value = None
    product: Value = None
    account: Value = None

    def filtered(self, situation: Situation) -> Cut:
        """Return the cut asked for, ungrouped; without days the last twelve months."""
        return Cut(window(self.from_, self.to, situation.today), None, self._filters())

    def _filters(self) -> dict[Dimension, str]:
        given: dict[Dimension, str | None] = {
            "person": self.person,
            "manager": self.manager,
            "team": self.team,
            "region": self.region,
            "source": self.source,
            "campaign": self.campaign,
            "segment": self.segment,
            "product": self.product,
            "account": self.account,
        }
        found = {dimension: value for dimension, value in given.items() if value is not None}
        for dimension, value in found.items():
            if dimension in _IDS and value:
                found[dimension] = _id(dimension, value)
        return found


class CutParameters(FilterParameters):
    """Local dates, filters, and one way to group."""

    group_by: FunnelDimension | None = None

    def cut(self, situation: Situation) -> Cut:
        """Return the cut asked for; without days the last twelve months."""
        return replace(self.filtered(situation), group_by=_dimension(self.group_by))


def _dimension(name: FunnelDimension | None) -> Dimension | None:
    return "person" if name == "owner" else name


def _id(dimension: str, value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError as error:
        raise invalid("This is the id of a thing: a UUID.", pointer=f"/{dimension}") from error
