"""Which counters and credits one entity adds to: pure, so the fold may add `after - before`.

`*_shape` is the factored form that the fold compares, `*_contributions` the same spelled out.
"""

from uuid import UUID

from metrics_service.projections.deal_shape import deal_shape
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import AssetFacts, DealFacts, JourneyFacts
from metrics_service.projections.journey_shape import journey_shape
from metrics_service.projections.keys import ContentUseKey, ContentUseVector, Key, Vector
from metrics_service.projections.shape import Shape, add_to, spelled_out

__all__ = [
    "asset_contributions",
    "asset_shape",
    "deal_contributions",
    "deal_shape",
    "journey_contributions",
    "journey_shape",
]


def journey_contributions(
    lead_id: UUID, facts: JourneyFacts, definitions: Definitions
) -> dict[Key, Vector]:
    """Return what a lead adds to: lead steps, its present step, visits, lead use."""
    return spelled_out(journey_shape(lead_id, facts, definitions))


def deal_contributions(
    deal_id: UUID, facts: DealFacts, definitions: Definitions
) -> dict[Key, Vector]:
    """Return what a deal adds to: deal steps, reach, present step, visits, sales, pay."""
    return spelled_out(deal_shape(deal_id, facts, definitions))


def asset_contributions(
    asset_id: UUID, facts: AssetFacts, definitions: Definitions
) -> dict[Key, Vector]:
    """Return what an asset adds to: its shares by person and day."""
    return spelled_out(asset_shape(asset_id, facts, definitions))


def asset_shape(asset_id: UUID, facts: AssetFacts, definitions: Definitions) -> Shape:
    """Return an asset's contributions, in the form that all entities have."""
    plain: dict[Key, Vector] = {}
    for share in facts.shares:
        key = ContentUseKey(asset_id, share.shared_by, definitions.days.day(share.at))
        add_to(plain, key, ContentUseVector(1, int(share.to_deal)))
    return Shape((), plain)
