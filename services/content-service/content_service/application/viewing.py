"""What servers report about views, in running totals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from content_service.application.library import when
from content_service.application.ports import Tx
from content_service.domain.asset import Asset, Share, Warning_
from content_service.domain.viewing import Viewing, is_machine
from onefunnel.errors import invalid
from onefunnel.events.values import LeadId


@dataclass(frozen=True, slots=True)
class Report:
    """What is said about a view; durations are running totals per page."""

    view_id: UUID
    visitor_id: UUID | None
    viewed_at: datetime | None
    pages: Mapping[int, int]
    user_agent: str | None
    internal: bool  # by the tenant's own people


@dataclass(frozen=True, slots=True)
class ReportView:
    """A server's report about a view of an asset."""

    asset_id: UUID
    report: Report
    share_id: UUID | None
    lead_id: LeadId | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Reported:
    """The view as it now is, the event if one was published, and what is wrong with the link."""

    viewing: Viewing
    event_id: UUID | None
    warning: Warning_ | None
    new: bool


async def report_view(command: ReportView, *, tx: Tx) -> Reported:
    """Take a server's report; a share says which version was sent to whom."""
    asset = await tx.assets.find(command.asset_id)
    if command.share_id is None:
        version = command.version or asset.version
        return await _heard(asset, None, command.lead_id, version, command.report, tx=tx)
    share = await tx.assets.share(command.share_id)
    if share.asset_id != asset.id:
        raise invalid("This share is of another asset.", pointer="/share_id")
    lead_id, version = command.lead_id or share.lead_id, command.version or share.version
    return await _heard(asset, share, lead_id, version, command.report, tx=tx)


async def _heard(
    asset: Asset,
    share: Share | None,
    lead_id: LeadId | None,
    version: int,
    report: Report,
    *,
    tx: Tx,
) -> Reported:
    pages = await tx.assets.pages(asset.id, version)
    if pages is None:
        raise invalid("There is no such version.", pointer="/version")
    viewing = Viewing(
        id=report.view_id,
        asset_id=asset.id,
        version=version,
        viewer_id=lead_id or report.visitor_id or report.view_id,
        viewed_at=when(report.viewed_at, tx=tx, pointer="/viewed_at"),
        share_id=share.id if share else None,
        lead_id=lead_id,
        machine=is_machine(report.user_agent),
        internal=report.internal,
        pages=report.pages,
    )
    known = await tx.viewings.find(viewing.id)
    heard, event = known.hear(viewing, pages) if known else viewing.begin(pages)
    event_id = await tx.viewings.keep(heard, event)
    return Reported(heard, event_id, asset.warning(version, tx.now.date()), known is None)
