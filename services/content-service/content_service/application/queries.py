"""What may be asked of the library: read straight from SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from content_service.application.ports import Author, Tx
from content_service.domain.asset import Asset, Edition, Share, Standing
from content_service.domain.feedback import Feedback
from content_service.domain.winloss import Voice, WinLoss
from onefunnel.events.content import ContentSearched
from onefunnel.ids import derived_id, new_id


@dataclass(frozen=True, slots=True)
class AssetView:
    """An asset, the version of its row, and how well it fits a search (0 without one)."""

    asset: Asset
    row_version: int
    rank: int = 0


@dataclass(frozen=True, slots=True)
class LibraryFilter:
    """Which assets: the ones in use unless told otherwise, best or newest first."""

    today: date
    words: str | None = field(repr=False)
    kind: str | None
    stage: str | None
    segment: str | None
    owner_id: UUID | None
    standing: Standing | None
    after: tuple[int | datetime, UUID] | None
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """One page of assets, and how many there are on all pages."""

    items: Sequence[AssetView]
    total: int


@dataclass(frozen=True, slots=True)
class EditionView:
    """One version of an asset."""

    version: int
    edition: Edition
    published_at: datetime


@dataclass(frozen=True, slots=True)
class SearchView:
    """Words that were searched for, how often, by how many; `digest` tells them from others."""

    digest: bytes
    words: str = field(repr=False)
    count: int
    searchers: int
    last_searched_at: datetime


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Which searches, most frequent first; `empty` are those that found nothing."""

    empty: bool
    after: tuple[int, bytes] | None
    limit: int


@dataclass(frozen=True, slots=True)
class ShareFilter:
    """Shares of an asset, newest first; with `own` those of a person alone, and of nobody none."""

    asset_id: UUID
    own: bool
    person_id: UUID | None
    after: tuple[datetime, UUID] | None
    limit: int


@dataclass(frozen=True, slots=True)
class ShareView:
    """A share, and how often, how long and when last buyers looked at it who may be followed."""

    share: Share
    views: int
    duration_ms: int
    last_viewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageUse:
    """How one page was looked at, in views that count."""

    page: int
    views: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Performance:
    """How an asset does. Sums and counts over views by buyers; machines and own people are counted apart."""

    views: int
    viewers: int
    duration_ms: int
    pages_seen: int  # distinct pages of each view, summed
    pages_offered: int  # pages of the version of each view, summed
    bots: int
    internal: int
    shares: int
    shares_viewed: int  # of them, by a buyer
    raters: int
    rating_sum: int  # of the newest verdict of each
    by_page: Sequence[PageUse]


@dataclass(frozen=True, slots=True)
class ReadingFilter:
    """Views by buyers on the UTC days from `start` until before `end`, of one asset or of all."""

    start: date
    end: date
    by_day: bool  # else by asset, most viewed first
    asset_id: UUID | None
    limit: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What buyers read on one day, or of one asset."""

    key: date | UUID
    views: int
    viewers: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """Which items, the first due first."""

    today: date
    status: Literal["open", "answered"] | None
    overdue: bool
    owner_id: UUID | None
    asset_id: UUID | None
    after: tuple[date, UUID] | None
    limit: int


@dataclass(frozen=True, slots=True)
class WinLossFilter:
    """Which records, newest first."""

    deal_id: UUID | None
    voice: Voice | None
    after: tuple[datetime, UUID] | None
    limit: int


class Views(Protocol):
    """Reads over one open transaction of one tenant."""

    async def asset(self, asset_id: UUID) -> AssetView:
        """Return an asset; raise not-found."""
        ...

    async def editions(self, asset_id: UUID, *, below: int | None, limit: int) -> list[EditionView]:
        """Return versions, newest first; raise not-found for an asset that is not there."""
        ...

    async def library(self, wanted: LibraryFilter) -> Found:
        """Return assets; with words those that hold all of them, best first."""
        ...

    async def searches(self, wanted: SearchFilter) -> list[SearchView]:
        """Return what was searched for, most frequent first, without what only erased people searched for."""
        ...

    async def shares(self, wanted: ShareFilter) -> list[ShareView]:
        """Return what was shared of an asset, newest first; raise not-found."""
        ...

    async def own_domains(self) -> list[str]:
        """Return the domains of the tenant's own people, sorted."""
        ...

    async def performance(self, asset_id: UUID) -> Performance:
        """Return how an asset does; raise not-found."""
        ...

    async def reading(self, wanted: ReadingFilter) -> list[Reading]:
        """Return what buyers read, by day or by asset."""
        ...

    async def feedback(self, wanted: FeedbackFilter) -> list[Feedback]:
        """Return items of feedback."""
        ...

    async def feedback_item(self, feedback_id: UUID) -> Feedback:
        """Return one item; raise not-found."""
        ...

    async def winlosses(self, wanted: WinLossFilter) -> list[WinLoss]:
        """Return why deals were won or lost."""
        ...

    async def names(self, asset_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the titles of those assets that exist."""
        ...


class ViewsFactory(Protocol):
    """Makes the reads over an open transaction."""

    def __call__(self, conn: Any, tenant_id: UUID) -> Views:
        """Return the reads of one tenant."""
        ...


async def search_library(wanted: LibraryFilter, *, by: Author, tx: Tx, views: Views) -> Found:
    """Search the library. The first page of a search is logged: its words here, its count as an event."""
    if wanted.words is None:
        return await views.library(wanted)
    words = " ".join(wanted.words.lower().split())
    found = await views.library(replace(wanted, words=words))
    if wanted.after is None:
        searched = ContentSearched(
            viewer_id=by.person_id
            or derived_id(tx.tenant_id, "onefunnel", "principal", by.principal_id),
            search_id=new_id(),
            searched_at=tx.now,
            results=found.total,
        )
        await tx.searches.keep(words, searched)
    return found
