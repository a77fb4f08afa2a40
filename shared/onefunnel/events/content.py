"""What marketing made, who shared it, who read it."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import CONTENT, VIEW
from onefunnel.events.values import AssetId, Code, DealId, Instant, LeadId, PersonId, StepKey, Value


@event("onefunnel.content.published.v1", topic=CONTENT, aggregate="asset", key="asset_id")
class ContentPublished(Event):
    """A version of an asset became available to sales."""

    asset_id: AssetId
    version: int = Field(ge=1)
    kind: Code
    owner_id: PersonId | None
    stage: StepKey | None = None
    segment: Code | None = None
    expires_on: date | None = None
    published_at: Instant


@event("onefunnel.content.retired.v1", topic=CONTENT, aggregate="asset", key="asset_id")
class ContentRetired(Event):
    """An asset was withdrawn from use."""

    asset_id: AssetId
    retired_at: Instant


@event("onefunnel.content.shared.v1", topic=CONTENT, aggregate="asset", key="asset_id")
class ContentShared(Event):
    """A person sent an asset to the buyer of a deal or to a lead."""

    asset_id: AssetId
    version: int
    share_id: UUID
    shared_by: PersonId | None
    shared_at: Instant
    deal_id: DealId | None = None
    lead_id: LeadId | None = None


@event("onefunnel.content.rated.v1", topic=CONTENT, aggregate="asset", key="asset_id")
class ContentRated(Event):
    """A person judged how useful an asset is, from 1 to 5."""

    asset_id: AssetId
    score: Annotated[int, Field(ge=1, le=5, strict=True)]
    rated_by: PersonId | None
    rated_at: Instant


class PageView(Value):
    """How long one page was looked at."""

    page: int = Field(ge=1, le=10_000)
    duration_ms: int = Field(ge=0, le=86_400_000)


@event("onefunnel.content.viewed.v1", topic=VIEW, aggregate="none", key="viewer_id")
class ContentViewed(Event):
    """A buyer looked at an asset; `viewer_id` is the lead where known, else an anonymous visitor."""

    viewer_id: UUID
    view_id: UUID
    asset_id: AssetId
    version: int
    share_id: UUID | None = None
    lead_id: LeadId | None = None
    viewed_at: Instant
    pages: tuple[PageView, ...] = ()
    bot: bool = False


@event("onefunnel.content.searched.v1", topic=VIEW, aggregate="none", key="viewer_id")
class ContentSearched(Event):
    """Somebody searched the library and found so many assets; the words stay in content-service."""

    viewer_id: UUID
    search_id: UUID
    searched_at: Instant
    results: int = Field(ge=0)
