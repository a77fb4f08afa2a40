"""The bundle of repositories over one open transaction."""

from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.events.envelope import Metadata
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes
from scoring_service.adapters.definitions import SqlDefinitions
from scoring_service.adapters.leads import SqlLeads
from scoring_service.adapters.ratings import SqlRatings
from scoring_service.application.ports import Tx


def open_tx(keyring: Keyring, conn: AsyncConnection, metadata: Metadata) -> Tx:
    """Return the repositories of the metadata's tenant; every query names the tenant itself.

    Requests are held inside their tenant by row policies as well, reactions are not.
    """
    return Tx(
        definitions=SqlDefinitions(conn, metadata),
        leads=SqlLeads(conn, metadata),
        ratings=SqlRatings(conn, metadata, Notes(driver_of(conn), metadata.tenant_id, keyring)),
        now=metadata.recorded_at,
    )
