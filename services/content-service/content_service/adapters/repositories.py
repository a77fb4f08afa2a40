"""The bundle of repositories over one open transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.assets import SqlAssets
from content_service.adapters.conversation import SqlFeedback, SqlWinLoss
from content_service.adapters.searches import SqlSearches
from content_service.adapters.viewings import SqlViewings
from content_service.application.ports import Tx
from onefunnel.events.envelope import Metadata
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes


def open_tx(keyring: Keyring, conn: AsyncConnection, metadata: Metadata) -> Tx:
    """Return the repositories of the metadata's tenant; every query names the tenant itself."""
    notes = Notes(driver_of(conn), metadata.tenant_id, keyring)
    return Tx(
        assets=SqlAssets(conn, metadata, notes),
        viewings=SqlViewings(conn, metadata, keyring),
        searches=SqlSearches(conn, metadata, notes, keyring),
        feedback=SqlFeedback(conn, metadata, notes),
        winloss=SqlWinLoss(conn, metadata, notes),
        tenant_id=metadata.tenant_id,
        now=metadata.recorded_at,
    )
