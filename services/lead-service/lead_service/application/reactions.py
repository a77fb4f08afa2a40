"""What the lead service does about events of other services."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from onefunnel.events.scoring import LeadQualified


class Qualifications(Protocol):
    """When leads were qualified, beside what people do with them."""

    async def note(self, tenant_id: UUID, lead_id: UUID, qualified_at: datetime) -> None:
        """Keep the earliest time; a lead that is not there is nothing to note."""
        ...


async def note_qualified(
    event: LeadQualified, tenant_id: UUID, *, qualifications: Qualifications
) -> None:
    """Remember when a lead was qualified, for the origin of the deal that it may become.

    Nothing is published and no version changes: scoring-service has said it already, and nobody's
    edit becomes stale by it.
    """
    await qualifications.note(tenant_id, event.lead_id, event.qualified_at)
