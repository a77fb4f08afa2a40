"""Bodies of the audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from onefunnel.http.bodies import Shown


class AuditView(Shown):
    """Who did what to what, when. It holds no secrets, no words that people wrote, no personal data."""

    service: str
    id: UUID
    recorded_at: datetime
    principal_id: str
    role: str
    person_id: UUID | None
    resource: str
    action: str
    operation: Annotated[str, Field(description="The operation of the API that was asked for.")]
    object_id: str | None
    version: Annotated[int | None, Field(description="Of the object, after the change.")]
    event_id: Annotated[UUID | None, Field(description="The last event that it published.")]
    told: Annotated[dict[str, Any], Field(description="Fields of the request that no event tells.")]
    request_id: str
    digest: Annotated[str, Field(description="Of the request, under a key of the installation.")]
