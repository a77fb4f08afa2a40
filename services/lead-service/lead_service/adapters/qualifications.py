"""Writes when a lead was qualified by its score. A CRM may say so too: whoever is earlier counts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters.tables import LEAD


class StoredQualifications:
    """In the open transaction of a reaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def note(self, tenant_id: UUID, lead_id: UUID, qualified_at: datetime) -> None:
        """Keep the earliest time; a lead that is not there is nothing to note."""
        earliest = func.least(LEAD.c.qualified_at, qualified_at)  # least() passes over null
        await self._conn.execute(
            update(LEAD)
            .where(LEAD.c.tenant_id == tenant_id, LEAD.c.id == lead_id)
            .values(qualified_at=earliest)
        )
