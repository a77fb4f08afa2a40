"""The JSON of shares: what is sent to whom, for how long, and how it was read."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from content_service.application.library import ShareAsset
from content_service.application.queries import ShareView
from content_service.domain.asset import Share
from content_service.entrypoints.schemas_library import person
from onefunnel.events.values import DealId, LeadId
from onefunnel.http.bodies import Body, Id, Shown, Time


class ShareBody(Body):
    """Whom the asset is sent to: the buyer of a deal, or a lead."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"deal_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10"}]}
    )

    deal_id: Id | None = None
    lead_id: Id | None = None
    shared_by: Id | None = None
    shared_at: Time | None = None
    expires_at: Annotated[
        Time | None, Field(description="When the link stops working; never, unless told.")
    ] = None

    @model_validator(mode="after")
    def _one_receiver(self) -> Self:
        if (self.deal_id is None) == (self.lead_id is None):
            raise ValueError("give exactly one of deal_id and lead_id")
        return self

    def command(self, asset_id: UUID) -> ShareAsset:
        """Return the command."""
        return ShareAsset(
            asset_id=asset_id,
            deal_id=None if self.deal_id is None else DealId(self.deal_id),
            lead_id=None if self.lead_id is None else LeadId(self.lead_id),
            shared_by=person(self.shared_by),
            shared_at=self.shared_at,
            expires_at=self.expires_at,
        )


class SharedAnswer(Shown):
    """A share, without its token."""

    id: UUID
    asset_id: UUID
    version: int
    deal_id: UUID | None
    lead_id: UUID | None
    shared_by: UUID | None
    shared_at: datetime
    expires_at: datetime | None


class ShareAnswer(SharedAnswer):
    """A share. The token is told this once: it opens `/v1/t/{token}` for whoever holds it."""

    token: str

    @classmethod
    def of(cls, share: Share, token: str) -> "ShareAnswer":
        """Show a share with its token."""
        return cls(**_fields(share), token=token)


class ShareUse(SharedAnswer):
    """A share and how buyers looked at it; `revoked_at` says that the link was withdrawn."""

    revoked_at: datetime | None
    views: int
    duration_ms: int
    last_viewed_at: datetime | None

    @classmethod
    def of(cls, view: ShareView) -> "ShareUse":
        """Show a share and its views."""
        return cls(
            **_fields(view.share),
            revoked_at=view.share.revoked_at,
            views=view.views,
            duration_ms=view.duration_ms,
            last_viewed_at=view.last_viewed_at,
        )


class SharesAnswer(Shown):
    """What was shared of an asset, newest first."""

    items: list[ShareUse]
    next_cursor: str | None


def _fields(share: Share) -> dict[str, Any]:
    return {name: getattr(share, name) for name in SharedAnswer.model_fields}
