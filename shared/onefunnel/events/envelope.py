"""The envelope: a CloudEvents 1.0 event in structured JSON, the same bytes in outbox, log and journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import orjson

from onefunnel.events.catalogue import Event, spec_of
from onefunnel.ids import new_id

CONTENT_TYPE = "application/cloudevents+json"
MAX_RECORD_BYTES = 524_288


@dataclass(frozen=True, slots=True)
class Metadata:
    """Who did it, in which tenant, because of what: the same for all events of one command."""

    tenant_id: UUID
    source: str  # "/services/lead-service"
    actor_id: str  # principal id, or "system:<name>"
    correlation_id: str
    recorded_at: datetime
    causation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A finished event on its way out: `value` is the CloudEvent, `key` decides the partition."""

    event_id: UUID
    topic: str
    key: UUID
    value: bytes


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A decoded envelope; `data` stays raw until its type is known."""

    id: UUID
    source: str
    type: str
    subject: UUID
    time: datetime
    recordedtime: datetime
    tenantid: UUID
    aggregatetype: str
    data: msgspec.Raw
    sequence: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    actorid: str | None = None
    traceparent: str | None = None


_decode = msgspec.json.Decoder(Envelope).decode


def decode(value: bytes) -> Envelope:
    """Decode a record's value. Raises `msgspec.DecodeError` (or its `ValidationError`) on anything else."""
    return _decode(value)


def encode(events: Sequence[Event], metadata: Metadata, *, after_sequence: int = 0) -> list[Record]:
    """Finish the events of one aggregate: numbered `after_sequence + 1` onwards, in the order given."""
    return [_record(e, metadata, after_sequence + n) for n, e in enumerate(events, start=1)]


def _record(event: Event, metadata: Metadata, sequence: int) -> Record:
    spec = spec_of(event)
    event_id = new_id()
    key: UUID = getattr(event, spec.key)
    happened = (
        getattr(event, spec.time_field) if spec.time_field else None
    ) or metadata.recorded_at
    subject = str(key)  # the driver's ids are of a class of its own, which orjson does not know
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": metadata.source,
        "type": spec.type,
        "subject": subject,
        "time": happened,
        "recordedtime": metadata.recorded_at,
        "partitionkey": subject,
        "aggregatetype": spec.aggregate,
        "tenantid": str(metadata.tenant_id),
        "actorid": metadata.actor_id,
        "correlationid": metadata.correlation_id,
        "dataschema": f"/schemas/{spec.type}.json",
        "datacontenttype": "application/json",
        "data": orjson.Fragment(event.model_dump_json(by_alias=True)),
    }
    if spec.ordered:
        envelope["sequence"] = str(sequence)
    if metadata.causation_id:
        envelope["causationid"] = metadata.causation_id
    if metadata.traceparent:
        envelope["traceparent"] = metadata.traceparent
    return Record(event_id, spec.topic, key, orjson.dumps(envelope, option=orjson.OPT_UTC_Z))
