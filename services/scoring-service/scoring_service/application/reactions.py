"""What scoring does about events of other services. Every event arrives once, in any order across leads."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from onefunnel.events import content, lead
from onefunnel.events.values import LeadId
from scoring_service.application.commands import judge
from scoring_service.application.ports import Tx
from scoring_service.domain.conditions import Scalar
from scoring_service.domain.score import Activity


@dataclass(frozen=True, slots=True)
class Heard:
    """When something happened, and the transaction to react in."""

    at: datetime
    tx: Tx


Reaction = Callable[[Any, Heard], Awaitable[None]]


async def lead_captured(event: lead.LeadCaptured, heard: Heard) -> None:
    """Learn what the lead is; believe an import that calls it qualified; score it."""
    described = (await heard.tx.leads.get(event.lead_id)).described(
        event.source, event.campaign_id, event.segment
    )
    declared, first = described.declared(event.qualified_at)
    judged, more = await judge(declared, at=heard.at, tx=heard.tx)
    await heard.tx.leads.save(judged, [*first, *more])


async def lead_updated(event: lead.LeadUpdated, heard: Heard) -> None:
    """Take over what was corrected; score the lead anew."""
    described = (await heard.tx.leads.get(event.lead_id)).described(
        event.source, event.campaign_id, event.segment
    )
    judged, events = await judge(described, at=heard.at, tx=heard.tx)
    await heard.tx.leads.save(judged, events)


async def touch_recorded(event: lead.TouchRecorded, heard: Heard) -> None:
    """Count the touch and score the lead."""
    facts: dict[str, Scalar] = {
        "side": event.side,
        "channel": event.channel,
        "human": event.human,
    }
    if event.campaign_id is not None:
        facts["campaign"] = str(event.campaign_id)
    activity = Activity(event.touch_id, "touch.recorded", event.touched_at, facts)
    await _count(event.lead_id, activity, heard)


async def content_viewed(event: content.ContentViewed, heard: Heard) -> None:
    """Count the view if a known lead looked, and not a machine."""
    if event.bot or event.lead_id is None:
        return
    seconds = sum(page.duration_ms for page in event.pages) // 1000
    facts: dict[str, Scalar] = {"asset": str(event.asset_id), "seconds": seconds}
    activity = Activity(event.view_id, "content.viewed", event.viewed_at, facts)
    await _count(event.lead_id, activity, heard, asset_id=event.asset_id)


async def content_published(event: content.ContentPublished, heard: Heard) -> None:
    """Learn the asset's kind, so that rules may ask for it."""
    await heard.tx.leads.learn_kind(event.asset_id, event.kind, event.version)


async def _count(
    lead_id: LeadId, activity: Activity, heard: Heard, *, asset_id: UUID | None = None
) -> None:
    known = await heard.tx.leads.get(lead_id)
    await heard.tx.leads.record(lead_id, activity, asset_id=asset_id)
    judged, events = await judge(known, at=activity.at, tx=heard.tx)
    await heard.tx.leads.save(judged, events)


REACTIONS: dict[str, Reaction] = {
    "onefunnel.lead.captured.v1": lead_captured,
    "onefunnel.lead.updated.v1": lead_updated,
    "onefunnel.touch.recorded.v1": touch_recorded,
    "onefunnel.content.viewed.v1": content_viewed,
    "onefunnel.content.published.v1": content_published,
}
