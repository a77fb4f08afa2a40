"""The bundle of repositories that a command gets."""

from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters import shapes
from lead_service.adapters.books import (
    StoredActivities,
    StoredOrgChart,
    StoredReferences,
    StoredSettings,
    StoredSpend,
    StoredTouches,
)
from lead_service.adapters.erasures import StoredErasures
from lead_service.adapters.exports import StoredExports
from lead_service.adapters.repositories import StoredAggregates, unit_of
from lead_service.application.ports import Tx
from onefunnel.events.envelope import Metadata
from onefunnel.vault.keyring import Keyring


def stored_tx(keyring: Keyring, conn: AsyncConnection, metadata: Metadata) -> Tx:
    """Return repositories that write at once, for a single command."""
    unit = unit_of(keyring, conn, metadata)
    return Tx(
        tenant_id=metadata.tenant_id,
        actor=metadata.actor_id,
        now=metadata.recorded_at,
        imported=False,
        settings=StoredSettings(unit),
        references=StoredReferences(unit),
        org=StoredOrgChart(unit),
        tenants=StoredAggregates(unit, shapes.TENANTS),
        people=StoredAggregates(unit, shapes.PEOPLE),
        accounts=StoredAggregates(unit, shapes.ACCOUNTS),
        products=StoredAggregates(unit, shapes.PRODUCTS),
        campaigns=StoredAggregates(unit, shapes.CAMPAIGNS),
        funnels=StoredAggregates(unit, shapes.FUNNELS),
        leads=StoredAggregates(unit, shapes.LEADS),
        deals=StoredAggregates(unit, shapes.DEALS),
        spend=StoredSpend(unit),
        touches=StoredTouches(unit),
        activities=StoredActivities(unit),
        erasures=StoredErasures(unit),
        exports=StoredExports(unit),
    )
