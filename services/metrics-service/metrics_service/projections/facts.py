"""The facts of the three entities, and how they are kept: the fold's door to this room."""

import msgspec

from metrics_service.projections.facts_asset import ASSET_TYPES, FEEDING_ASSETS, AssetFacts
from metrics_service.projections.facts_deal import DEAL_TYPES, FEEDING_DEALS, DealFacts
from metrics_service.projections.facts_journey import (
    FEEDING_JOURNEYS,
    JOURNEY_TYPES,
    JourneyFacts,
)

__all__ = [
    "ASSET_TYPES",
    "DEAL_TYPES",
    "FEEDING",
    "JOURNEY_TYPES",
    "AssetFacts",
    "DealFacts",
    "Facts",
    "JourneyFacts",
    "dump",
    "load_asset",
    "load_deal",
    "load_journey",
]

Facts = JourneyFacts | DealFacts | AssetFacts

# The types that can change facts; any other type of an entity moves only its position.
FEEDING = FEEDING_JOURNEYS | FEEDING_DEALS | FEEDING_ASSETS

_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode_journey = msgspec.msgpack.Decoder(JourneyFacts).decode
_decode_deal = msgspec.msgpack.Decoder(DealFacts).decode
_decode_asset = msgspec.msgpack.Decoder(AssetFacts).decode


def dump(facts: Facts) -> bytes:
    """Return the bytes of facts: equal sets of events give equal bytes."""
    return _encode(facts)


def load_journey(data: bytes) -> JourneyFacts:
    """Return the facts of a lead. Raises `msgspec.ValidationError` on other bytes."""
    return _decode_journey(data)


def load_deal(data: bytes) -> DealFacts:
    """Return the facts of a deal. Raises `msgspec.ValidationError` on other bytes."""
    return _decode_deal(data)


def load_asset(data: bytes) -> AssetFacts:
    """Return the facts of an asset. Raises `msgspec.ValidationError` on other bytes."""
    return _decode_asset(data)
