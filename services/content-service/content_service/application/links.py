"""What a link opens, and what a page that holds its token tells: a view, and beat by beat what is read.

The token is the only right that is needed, so nothing here learns more of the tenant than was shared.
"""

from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from content_service.application.ports import Tx
from content_service.application.viewing import Reported
from content_service.domain.asset import Asset, Share, Warning_
from content_service.domain.share_token import digest_of
from content_service.domain.viewing import BURST, BURST_LINKS, Beat, Viewing
from onefunnel.errors import not_found
from onefunnel.ids import new_id

MAX_BEATS: Final = 10_000  # of one view: a day of them, one every nine seconds


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opens: the asset as it now is, the version that was shared, and how that stands."""

    asset: Asset
    share: Share
    pages: int
    warning: Warning_ | None


@dataclass(frozen=True, slots=True)
class Browser:
    """Who asks, as far as a request says. `client` is a digest of where from, for a day the same."""

    machine: bool
    ours: bool
    untracked: bool
    client: bytes | None


@dataclass(frozen=True, slots=True)
class OpenView:
    """Somebody opened a link; an e-mail address is what they typed, and is not kept."""

    view_id: UUID | None
    visitor_id: UUID | None
    email: str | None = field(repr=False)
    anonymous: bool


async def opened(token: str, *, tx: Tx) -> Opened:
    """Return what a token opens; a link to an earlier version works, with a warning."""
    share = await _open_share(token, tx=tx)
    asset = await tx.assets.find(share.asset_id)
    pages = await _pages_of(asset.id, share.version, tx=tx)
    return Opened(asset, share, pages, asset.warning(share.version, tx.now.date()))


async def open_view(token: str, command: OpenView, browser: Browser, *, tx: Tx) -> Reported:
    """Begin a view, or find the one that was begun with the same id."""
    share = await _open_share(token, tx=tx)
    asset = await tx.assets.find(share.asset_id)
    pages = await _pages_of(asset.id, share.version, tx=tx)
    begun = await _viewing_of(share, command, browser, tx=tx)
    known = await tx.viewings.find(begun.id)
    if known is None:
        begun = replace(begun, machine=begun.machine or await _in_a_burst(share, browser, tx=tx))
    viewing, event = known.hear(begun, pages) if known else begun.begin(pages)
    event_id = await tx.viewings.keep(viewing, event, client=browser.client)
    warning = asset.warning(share.version, tx.now.date())
    return Reported(viewing, event_id, warning, known is None)


async def take_beat(
    token: str, view_id: UUID, beat: Beat, browser: Browser, *, tx: Tx
) -> UUID | None:
    """Add a beat to its view, once; return the event that was published, if any."""
    share = await _open_share(token, tx=tx)
    viewing = await tx.viewings.find(view_id)
    if viewing is None or viewing.share_id != share.id:
        raise not_found("view")
    if not await tx.viewings.is_new(view_id, beat.seq):
        return None
    pages = await _pages_of(viewing.asset_id, viewing.version, tx=tx)
    heard, event = viewing.beat(beat, pages, machine=browser.machine, at=tx.now)
    return await tx.viewings.keep(heard, event)


async def _open_share(token: str, *, tx: Tx) -> Share:
    share = await tx.assets.share_of(digest_of(token))
    share.check_open(tx.now)
    return share


async def _pages_of(asset_id: UUID, version: int, *, tx: Tx) -> int:
    pages = await tx.assets.pages(asset_id, version)
    assert pages is not None, "a share names a version that exists"
    return pages


async def _viewing_of(share: Share, command: OpenView, browser: Browser, *, tx: Tx) -> Viewing:
    view_id = command.view_id or new_id()
    anonymous = command.anonymous or browser.untracked
    lead_id = None if anonymous else share.lead_id
    return Viewing(
        id=view_id,
        asset_id=share.asset_id,
        version=share.version,
        viewer_id=view_id if anonymous else lead_id or _viewer_of(command, tx=tx) or view_id,
        viewed_at=tx.now,
        share_id=share.id,
        lead_id=lead_id,
        machine=browser.machine,
        internal=browser.ours or await _is_ours(command.email, tx=tx),
        anonymous=anonymous,
    )


def _viewer_of(command: OpenView, *, tx: Tx) -> UUID | None:
    if command.email is not None:
        return tx.viewings.viewer_of(command.email)
    return command.visitor_id


async def _is_ours(email: str | None, *, tx: Tx) -> bool:
    if email is None:
        return False
    domain = email.rpartition("@")[2].casefold()
    return domain in await tx.viewings.own_domains()


async def _in_a_burst(share: Share, browser: Browser, *, tx: Tx) -> bool:
    """Say whether one client opens many links at once, and if so take its other views for a machine's too."""
    if browser.client is None:
        return False
    others = await tx.viewings.opened_by(browser.client, since=tx.now - BURST)
    if len({share.id, *others.values()}) < BURST_LINKS:
        return False
    await tx.viewings.are_machines(list(others))
    return True
