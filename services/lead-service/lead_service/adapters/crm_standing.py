"""How what CRMs told stands here: for whoever compares a CRM with us."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text

from lead_service.application.views import CrmTotal, DealStanding
from onefunnel.persistence.database import Database

# A record that its CRM deleted is none of the CRM's any more, whatever stays of it here.
_THERE: Final = "coalesce(told.words -> 'deleted' -> -1 ->> 2, '') <> 'true'"
_DEALS: Final = text(f"""
SELECT 'deal' AS kind, deal.state, deal.currency, count(*) AS count,
       coalesce(sum(deal.amount_minor), 0)::bigint AS amount_minor
FROM deal LEFT JOIN crm_record AS told ON told.tenant_id = deal.tenant_id AND told.id = deal.id
WHERE deal.tenant_id = :tenant AND deal.external_source = :source AND {_THERE}
GROUP BY deal.state, deal.currency ORDER BY deal.state, deal.currency""")
_LEADS: Final = text(f"""
SELECT 'lead' AS kind, NULL AS state, NULL AS currency, count(*) AS count, NULL AS amount_minor
FROM lead LEFT JOIN crm_record AS told ON told.tenant_id = lead.tenant_id AND told.id = lead.id
WHERE lead.tenant_id = :tenant AND lead.external_source = :source AND {_THERE}""")
_STANDING: Final = text("""
SELECT id, state, currency, amount_minor FROM deal
WHERE tenant_id = :tenant AND id = ANY(:ids)""")
_KNOWN_LEADS: Final = text("SELECT id FROM lead WHERE tenant_id = :tenant AND id = ANY(:ids)")


class StoredCrmStanding:
    """Read from leads, deals and what was told of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(self, tenant_id: UUID, source: str) -> Sequence[CrmTotal]:
        """Return how many records of a source are here, deals by state and currency."""
        asked = {"tenant": tenant_id, "source": source}
        async with self._database.tenant(tenant_id) as conn:
            deals = (await conn.execute(_DEALS, asked)).mappings().all()
            leads = (await conn.execute(_LEADS, asked)).mappings().all()
        return [CrmTotal(**row) for row in (*deals, *leads)]

    async def deals(self, tenant_id: UUID, ids: Sequence[UUID]) -> Mapping[UUID, DealStanding]:
        """Return how those of the deals stand that are here."""
        async with self._database.tenant(tenant_id) as conn:
            found = await conn.execute(_STANDING, {"tenant": tenant_id, "ids": list(ids)})
            rows = found.mappings().all()
        return {row["id"]: DealStanding(**{k: row[k] for k in row if k != "id"}) for row in rows}

    async def leads(self, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[UUID]:
        """Return those of the leads that are here."""
        async with self._database.tenant(tenant_id) as conn:
            found = await conn.execute(_KNOWN_LEADS, {"tenant": tenant_id, "ids": list(ids)})
            return [row.id for row in found]
