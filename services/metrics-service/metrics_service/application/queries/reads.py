"""Everything that one read may ask, of one tenant at one instant."""

from dataclasses import dataclass

from metrics_service.application.queries.funnel import FunnelRows
from metrics_service.application.queries.sales import SalesRows
from metrics_service.application.queries.situation import Situations


@dataclass(frozen=True, slots=True)
class Reads:
    """One read's views; all see the same instant."""

    situations: Situations
    funnel: FunnelRows
    sales: SalesRows
