"""Bodies of deliveries that speak of somebody who was erased.

A delivery is known by what its CRM calls the records in it, and an id follows from that name. So the names
are gone through, tenant by tenant, and those whose id was erased are the ones.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final
from uuid import UUID

from gateway.adapters.deliveries import DeliveryRepository
from onefunnel.events.privacy import SubjectErased
from onefunnel.ids import derived_id
from onefunnel.persistence.database import DriverConnection

NAMES_AT_ONCE: Final = 10_000

_CONNECTIONS: Final = "SELECT id, source FROM connection WHERE tenant_id = $1 ORDER BY id"
_NAMES: Final = """
SELECT DISTINCT record FROM delivery_key
WHERE tenant_id = $1 AND connection_id = $2 AND record > $3 ORDER BY record LIMIT $4"""


async def erase_bodies(
    driver: DriverConnection,
    tenant_id: UUID,
    event_id: UUID,
    erased: SubjectErased,
    deliveries: DeliveryRepository,
) -> None:
    """Erase what came in about a lead, and the bodies that speak of the deals it became.

    The deals go on, and so does what their CRM tells of them.
    """
    await deliveries.stand_still()
    leads = {erased.subject_id, *erased.same}
    for row in await driver.fetch(_CONNECTIONS, tenant_id):
        connection_id, source = row["id"], row["source"]
        async for names in _named(driver, tenant_id, connection_id):
            about_leads = _of(names, "lead", leads, tenant_id, source)
            if about_leads:
                await deliveries.erase(connection_id, event_id, about_leads)
            about_deals = _of(names, "deal", erased.deals, tenant_id, source)
            if about_deals:
                await deliveries.empty(connection_id, about_deals)


async def _named(
    driver: DriverConnection, tenant_id: UUID, connection_id: UUID
) -> AsyncIterator[Sequence[str]]:
    last = ""
    while True:
        rows = await driver.fetch(_NAMES, tenant_id, connection_id, last, NAMES_AT_ONCE)
        if not rows:
            return
        names = [row["record"] for row in rows]
        yield names
        last = names[-1]


def _of(
    names: Sequence[str], kind: str, ids: Collection[UUID], tenant_id: UUID, source: str
) -> list[str]:
    """Return the names of records of one kind that have one of these ids here."""
    prefix = f"{kind}:"
    return [
        name
        for name in names
        if name.startswith(prefix)
        and derived_id(tenant_id, source, kind, name.removeprefix(prefix)) in ids
    ]
