"""What the library's commands need from storage. One `Tx` is one transaction of one tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from content_service.domain.asset import Asset, Share
from content_service.domain.feedback import Feedback
from content_service.domain.viewing import Viewing
from content_service.domain.winloss import Voice, WinLoss
from onefunnel.events import Event
from onefunnel.events.content import ContentSearched, ContentViewed
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import DealId, PersonId


@dataclass(frozen=True, slots=True)
class Saved:
    """What a write left behind: the version of the row, and the last event it published."""

    version: int
    event_id: UUID | None


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: a principal, and the person behind it where there is one."""

    principal_id: str
    role: str
    person_id: PersonId | None


class Assets(Protocol):
    """The library."""

    async def get(self, asset_id: UUID) -> Asset:
        """Return an asset, locked until the commit; raise not-found."""
        ...

    async def find(self, asset_id: UUID) -> Asset:
        """Return an asset for reading; raise not-found."""
        ...

    async def add(self, asset: Asset, event: Event, *, by: Author) -> Saved:
        """Save a new asset with its first version; raise conflict if the id is taken."""
        ...

    async def save(self, asset: Asset, event: Event) -> Saved:
        """Save an asset that was got, and its event, in one statement."""
        ...

    async def keep_edition(self, asset: Asset, *, by: Author) -> None:
        """Keep the words and pages of the newest version beside those of earlier ones."""
        ...

    async def pages(self, asset_id: UUID, version: int) -> int | None:
        """Return how many pages a version has; None if there is no such version."""
        ...

    async def keep_share(self, share: Share, digest: bytes, *, by: Author) -> None:
        """Keep a share and the hash of its token."""
        ...

    async def share(self, share_id: UUID) -> Share:
        """Return a share; raise not-found."""
        ...

    async def share_of(self, digest: bytes) -> Share:
        """Return the share whose token has this hash; raise not-found."""
        ...

    async def revoke(self, share: Share, *, by: Author) -> None:
        """Keep that a share was withdrawn, and by whom; the first time counts."""
        ...

    async def keep_rating(
        self, asset_id: UUID, score: int, reason: str | None, *, by: Author, at: datetime
    ) -> None:
        """Add a verdict to the history, which is never changed."""
        ...


class Viewings(Protocol):
    """Views of assets."""

    async def find(self, view_id: UUID) -> Viewing | None:
        """Return a view, locked until the commit; None if there is none, and then nobody else adds it."""
        ...

    async def keep(
        self, viewing: Viewing, event: ContentViewed | None, *, client: bytes | None = None
    ) -> UUID | None:
        """Save a view that was looked for, and its event; return the event's id."""
        ...

    async def is_new(self, view_id: UUID, seq: int) -> bool:
        """Say whether this beat of a view that was looked for comes for the first time, and remember it."""
        ...

    def viewer_of(self, address: str) -> UUID:
        """Return what an e-mail address is known by here; nobody reads it back."""
        ...

    async def own_domains(self) -> frozenset[str]:
        """Return the domains of the tenant's own people, in lower case."""
        ...

    async def set_own_domains(self, domains: frozenset[str]) -> None:
        """Put these in the place of the domains that were."""
        ...

    async def opened_by(self, client: bytes, *, since: datetime) -> Mapping[UUID, UUID]:
        """Return the views that a client opened, each with its share; nobody adds one until the commit."""
        ...

    async def are_machines(self, view_ids: Sequence[UUID]) -> None:
        """Take views that nobody has read for a machine's."""
        ...


class Searches(Protocol):
    """What was searched for."""

    async def keep(self, words: str, event: ContentSearched) -> UUID:
        """Keep the words here and publish that somebody searched; return the event's id."""
        ...


class FeedbackItems(Protocol):
    """What sales told marketing."""

    async def get(self, feedback_id: UUID) -> Feedback:
        """Return an item, locked until the commit; raise not-found."""
        ...

    async def save(self, item: Feedback, event: Event) -> Saved:
        """Save a new item or one that was got, and its event, in one statement."""
        ...


class WinLosses(Protocol):
    """Why deals were won or lost."""

    async def voices(self, deal_id: DealId) -> Sequence[Voice]:
        """Return who has spoken about a deal, and keep others from speaking until the commit."""
        ...

    async def add(self, record: WinLoss, event: Event) -> Saved:
        """Save a record and its event in one statement."""
        ...


@dataclass(frozen=True, slots=True)
class Tx:
    """The repositories over one open transaction, and the instant it counts as."""

    assets: Assets
    viewings: Viewings
    searches: Searches
    feedback: FeedbackItems
    winloss: WinLosses
    tenant_id: UUID
    now: datetime


class TxFactory(Protocol):
    """Makes the bundle of repositories over an open transaction."""

    def __call__(self, conn: Any, metadata: Metadata) -> Tx:
        """Return the repositories of the metadata's tenant."""
        ...
