"""The published language: every type validates its history, survives the round trip, and never breaks a reader."""

import json
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel

from onefunnel.clock import SystemClock
from onefunnel.events import CATALOGUE, EventSpec
from onefunnel.events.compatibility import breaks
from onefunnel.events.envelope import Metadata, decode, encode
from onefunnel.events.examples import example
from onefunnel.events.fast import decode_data
from onefunnel.events.publish import pending, published, schema_of

METADATA = Metadata(UUID(int=1), "/services/test", "key-1", "run-1", SystemClock().now())
every_type = pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda s: s.type)


@every_type
def test_the_checked_in_schema_is_the_one_of_the_class(spec: EventSpec) -> None:
    assert pending(spec) is None


@every_type
def test_every_historic_example_still_validates_and_decodes(spec: EventSpec) -> None:
    for file in published(spec):
        for data in json.loads(file.read_text())["examples"]:
            spec.model.model_validate(data)
            decode_data(spec.type, msgspec.Raw(json.dumps(data).encode()))


@every_type
def test_the_fast_twin_reads_what_the_class_wrote(spec: EventSpec) -> None:
    event = spec.model.model_validate(example(spec.model))
    (record,) = encode([event], METADATA, after_sequence=6)
    envelope = decode(record.value)
    twin = decode_data(envelope.type, envelope.data)
    assert envelope.sequence == ("7" if spec.ordered else None)
    assert envelope.subject == record.key == getattr(event, spec.key)
    for name in spec.model.model_fields:
        written, read = getattr(event, name), getattr(twin, name)
        if not isinstance(written, (BaseModel, tuple)):
            assert read == written


def _without(schema: dict, name: str) -> dict:
    properties = {k: v for k, v in schema["properties"].items() if k != name}
    return {**schema, "properties": properties}


def test_a_removed_a_required_and_a_narrowed_field_are_refused() -> None:
    old = schema_of(CATALOGUE["onefunnel.deal.lost.v1"])
    assert breaks(old, _without(old, "reason"))
    assert breaks(old, {**old, "required": [*old["required"], "competitor"]})
    narrowed = json.loads(json.dumps(old))
    narrowed["properties"]["outcome"]["enum"].remove("ghosted")
    assert breaks(old, narrowed)
    retyped = json.loads(json.dumps(old))
    retyped["properties"]["reason"]["type"] = "integer"
    assert breaks(old, retyped)


def test_a_new_optional_field_is_allowed() -> None:
    old = schema_of(CATALOGUE["onefunnel.deal.lost.v1"])
    added = json.loads(json.dumps(old))
    added["properties"]["note"] = {"type": "string", "default": None}
    assert breaks(old, added) == []


def test_an_unknown_field_of_a_newer_producer_is_ignored() -> None:
    spec = CATALOGUE["onefunnel.lead.merged.v1"]
    data = {**example(spec.model), "added_in_1_9": True}
    assert spec.model.model_validate(data) == spec.model.model_validate(example(spec.model))
    decode_data(spec.type, msgspec.Raw(json.dumps(data).encode()))
