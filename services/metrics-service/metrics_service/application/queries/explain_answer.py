"""What `GET /v1/explain` answers: the list whose sum is the number."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from metrics_service.application.queries.answer import CutAnswer

EntityKind = Literal["deal", "lead", "asset"]


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event that was folded into the entity."""

    event_id: UUID
    type: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Contribution:
    """One entity's part in the number, on the local days on which it counts."""

    entity: EntityKind
    id: UUID
    contribution: int
    days: list[date]
    events: list[SeenEvent]
    drill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainAnswer(CutAnswer):
    """`value` is the sum of all items, of this page and the others, computed anew from the facts.

    `counter` is what the projection has for the same question, where it has one; `equal` compares.
    """

    metric: str
    step: str | None
    currency: str | None
    value: int
    entities: int
    counter: int | None
    equal: bool | None
    sentence: str
    items: list[Contribution]
    next_cursor: str | None
