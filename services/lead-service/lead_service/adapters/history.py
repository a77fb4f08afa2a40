"""Timelines: one row per event of a lead or a deal, written beside the event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lead_service.adapters.shapes import Shape
from onefunnel.events.catalogue import Event, spec_of
from onefunnel.events.envelope import Metadata, Record


@dataclass(frozen=True, slots=True)
class Words:
    """What a timeline keeps and no event carries."""

    note: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One save: the aggregate before and after, its events, numbered after `sequence`."""

    before: Any
    after: Any
    events: Sequence[Event]
    records: Sequence[Record]
    sequence: int
    words: Words


def history_rows(shape: Shape[Any, Any], step: Step, metadata: Metadata) -> list[dict[str, Any]]:
    """Return the timeline rows of one save; none for a kind without a timeline.

    Where a kind keeps the first line in its own row, that is all there is to its birth.
    """
    if shape.status is None or (step.before is None and shape.first_line):
        return []
    reached = shape.status(step.after)
    left = shape.status(step.before) if step.before is not None else None
    rows = []
    for n, (event, record) in enumerate(zip(step.events, step.records, strict=True), start=1):
        rows.append(
            _row(event, record, metadata, step.words)
            | {
                "aggregate_id": step.after.id,
                "sequence": step.sequence + n,
                "from_state": left,
                "to_state": reached,
            }
        )
        left = reached
    return rows


def _row(event: Event, record: Record, metadata: Metadata, words: Words) -> dict[str, Any]:
    spec = spec_of(event)
    happened = getattr(event, spec.time_field) if spec.time_field else None
    return {
        "tenant_id": metadata.tenant_id,
        "event_id": record.event_id,
        "what": spec.type.removeprefix("onefunnel.").rpartition(".")[0],
        "at": happened or metadata.recorded_at,
        "recorded_at": metadata.recorded_at,
        "actor_id": metadata.actor_id,
        "details": _details(event, spec.key, words.reason),
        "note": words.note,
    }


def _details(event: Event, key: str, reason: str | None) -> dict[str, Any] | None:
    details = event.model_dump(mode="json", by_alias=True, exclude={key}, exclude_none=True)
    if reason is not None:
        details["reason"] = reason
    return details or None
