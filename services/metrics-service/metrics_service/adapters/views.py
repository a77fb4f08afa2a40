"""All views of one read, over one connection."""

from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_explain import SqlExplainRows
from metrics_service.adapters.views_funnel import SqlFunnelRows
from metrics_service.adapters.views_pay import SqlPayRows
from metrics_service.adapters.views_pay_documents import SqlPayDocuments
from metrics_service.adapters.views_sales import SqlSalesRows
from metrics_service.adapters.views_situation import SqlSituations
from metrics_service.adapters.views_status import SqlStatusRows
from metrics_service.adapters.views_utilization import SqlUtilizationRows
from metrics_service.application.queries.reads import Reads
from onefunnel.vault.keyring import Keyring


def sql_reads(keyring: Keyring, conn: AsyncConnection) -> Reads:
    """Return everything that one read may ask."""
    situations = SqlSituations(conn)
    return Reads(
        situations=situations,
        funnel=SqlFunnelRows(conn, situations),
        sales=SqlSalesRows(conn, situations),
        pay=SqlPayRows(conn, keyring),
        documents=SqlPayDocuments(conn, keyring),
        utilization=SqlUtilizationRows(conn, situations),
        status=SqlStatusRows(conn),
        explain=SqlExplainRows(conn),
    )
