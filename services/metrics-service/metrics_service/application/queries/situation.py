"""What every answer stands on: how fresh the projections are, and which rules they were made with."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from metrics_service.application.metric import Freshness
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.org import Org
from metrics_service.application.queries.recount import Recount
from metrics_service.projections.calendar import micros
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.funnel_steps import CompiledFunnel
from onefunnel.errors import not_found


@dataclass(frozen=True, slots=True)
class Situation:
    """The tenant's rules and the state of its projections, as one read sees them."""

    freshness: Freshness
    definitions: Definitions

    @property
    def today(self) -> date:
        """The local day up to which facts are known: what has not been folded has not happened."""
        return self.definitions.days.day(micros(self.freshness.as_of))

    def funnel(self, name: str) -> CompiledFunnel:
        """Return the version in force of a funnel, or raise not-found."""
        found = self.definitions.funnels.get(name)
        if found is None:
            raise not_found("funnel")
        return found


class Situations(Protocol):
    """Where a read begins."""

    async def situation(self) -> Situation:
        """Return the present situation of the tenant."""
        ...

    async def org(self) -> Org:
        """Return the org chart over time."""
        ...

    async def recount(self, cut: Cut) -> Recount:
        """Return the parts of all entities in a cut, or raise too-wide."""
        ...
