"""What is known about an asset: its newest version, its retirement, and who shared it when."""

from bisect import insort
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from metrics_service.projections.calendar import Micros, micros
from metrics_service.projections.facts_journey import text
from metrics_service.projections.keys import NOBODY
from onefunnel.events import content


class Share(Struct, array_like=True, order=True, frozen=True):
    """A person sent the asset to somebody."""

    at: Micros
    sequence: int
    shared_by: str
    to_deal: bool


class AssetFacts(Struct, array_like=True):
    """A set: the newest version counts, the first publication and every share are kept."""

    first_published_at: Micros | None = None
    version: int = 0
    kind: str = NOBODY
    owner: str = NOBODY
    stage: str = NOBODY
    segment: str = NOBODY
    expires_on: str | None = None
    retired_at: Micros | None = None
    shares: list[Share] = field(default_factory=list)

    def apply(
        self, type_: str, event: object, *, event_id: UUID, sequence: int, time: datetime
    ) -> None:
        """Take one event in. A duplicate changes nothing; what no projection needs is ignored."""
        del event_id, time
        handler = _HANDLERS.get(type_)
        if handler:
            handler(self, event, sequence)


def _published(facts: AssetFacts, event: content.ContentPublished, _sequence: int) -> None:
    at = micros(event.published_at)
    first = facts.first_published_at
    facts.first_published_at = at if first is None else min(first, at)
    if event.version < facts.version:
        return
    facts.version = event.version
    facts.kind = event.kind
    facts.owner = text(event.owner_id)
    facts.stage = text(event.stage)
    facts.segment = text(event.segment)
    facts.expires_on = event.expires_on.isoformat() if event.expires_on else None


def _retired(facts: AssetFacts, event: content.ContentRetired, _sequence: int) -> None:
    at = micros(event.retired_at)
    facts.retired_at = at if facts.retired_at is None else min(facts.retired_at, at)


def _shared(facts: AssetFacts, event: content.ContentShared, sequence: int) -> None:
    share = Share(
        micros(event.shared_at), sequence, text(event.shared_by), event.deal_id is not None
    )
    if share not in facts.shares:
        insort(facts.shares, share)


_Handler = Callable[[AssetFacts, Any, int], None]
_HANDLERS: dict[str, _Handler] = {
    "onefunnel.content.published.v1": _published,
    "onefunnel.content.retired.v1": _retired,
    "onefunnel.content.shared.v1": _shared,
}
FEEDING_ASSETS = frozenset(_HANDLERS)
ASSET_TYPES = FEEDING_ASSETS | {"onefunnel.content.rated.v1"}
