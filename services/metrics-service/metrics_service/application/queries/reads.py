"""Everything that one read may ask, of one tenant at one instant."""

from dataclasses import dataclass

from metrics_service.application.queries.explain import ExplainRows
from metrics_service.application.queries.funnel import FunnelRows
from metrics_service.application.queries.pay_documents import PayDocuments
from metrics_service.application.queries.pay_rows import PayRows
from metrics_service.application.queries.sales import SalesRows
from metrics_service.application.queries.situation import Situations
from metrics_service.application.queries.status import StatusRows
from metrics_service.application.queries.utilization import UtilizationRows


@dataclass(frozen=True, slots=True)
class Reads:
    """One read's views; all see the same instant."""

    situations: Situations
    funnel: FunnelRows
    sales: SalesRows
    pay: PayRows
    documents: PayDocuments
    utilization: UtilizationRows
    status: StatusRows
    explain: ExplainRows
