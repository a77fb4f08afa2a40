"""Timelines: one row per event of a lead or a deal, written beside the event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lead_service.adapters.personal import LINE
from lead_service.adapters.shapes import Shape
from onefunnel.events.catalogue import Event, spec_of
from onefunnel.events.envelope import Metadata, Record
from onefunnel.vault.stored import Words as VaultWords


@dataclass(frozen=True, slots=True)
class Words:
    """What a timeline keeps and no event carries."""

    note: str | None = field(default=None, repr=False)
    reason: str | None = field(default=None, repr=False)


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
            _row(event, record, metadata)
            | {
                "aggregate_id": step.after.id,
                "sequence": step.sequence + n,
                "from_state": left,
                "to_state": reached,
            }
        )
        left = reached
    return rows


def history_words(shape: Shape[Any, Any], step: Step) -> list[VaultWords]:
    """Return the words of one save, for the vault: with the lines of the timeline that they belong to."""
    told = {"note": step.words.note, "reason": step.words.reason}
    document = {name: words for name, words in told.items() if words is not None}
    if not document or shape.status is None or (step.before is None and shape.first_line):
        return []
    lines = range(step.sequence + 1, step.sequence + 1 + len(step.events))
    return [VaultWords(step.after.id, f"{LINE.field}{n}", 1, document) for n in lines]


def _row(event: Event, record: Record, metadata: Metadata) -> dict[str, Any]:
    spec = spec_of(event)
    happened = getattr(event, spec.time_field) if spec.time_field else None
    return {
        "tenant_id": metadata.tenant_id,
        "event_id": record.event_id,
        "what": spec.type.removeprefix("onefunnel.").rpartition(".")[0],
        "at": happened or metadata.recorded_at,
        "recorded_at": metadata.recorded_at,
        "actor_id": metadata.actor_id,
        "details": _details(event, spec.key),
    }


def _details(event: Event, key: str) -> dict[str, Any] | None:
    details = event.model_dump(mode="json", by_alias=True, exclude={key}, exclude_none=True)
    return details or None
