"""The bundle of repositories over one open transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.assets import SqlAssets
from content_service.adapters.conversation import SqlFeedback, SqlWinLoss
from content_service.adapters.viewings import SqlSearches, SqlViewings
from content_service.application.ports import Tx
from onefunnel.events.envelope import Metadata


def open_tx(conn: AsyncConnection, metadata: Metadata) -> Tx:
    """Return the repositories of the metadata's tenant; every query names the tenant itself."""
    return Tx(
        assets=SqlAssets(conn, metadata),
        viewings=SqlViewings(conn, metadata),
        searches=SqlSearches(conn, metadata),
        feedback=SqlFeedback(conn, metadata),
        winloss=SqlWinLoss(conn, metadata),
        tenant_id=metadata.tenant_id,
        now=metadata.recorded_at,
    )
