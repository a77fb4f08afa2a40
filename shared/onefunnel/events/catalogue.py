"""The catalogue: every published event type, its topic, its key, and the class that defines it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

AggregateType = Literal[
    "tenant", "person", "account", "product", "campaign", "funnel",
    "lead", "deal",
    "lead_score", "lead_rating", "definition",
    "asset", "feedback", "winloss",
    "plan", "assignment", "quota", "period", "adjustment",
    "subject",
    "none",
]  # fmt: skip


class Event(BaseModel):
    """One fact that happened: frozen, self-sufficient, without personal data.

    Fields are never removed, renamed or retyped; a breaking change is a new type beside the old one.
    Unknown fields are ignored, so that an old consumer understands a newer producer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


EventClass = type[Event]


@dataclass(frozen=True, slots=True)
class EventSpec:
    """Where an event type lives: its topic, its aggregate and the field that is the record's key."""

    type: str
    topic: str
    aggregate: AggregateType
    key: str
    model: EventClass
    time_field: str | None

    @property
    def ordered(self) -> bool:
        """Say whether events of one key carry a gapless sequence."""
        return self.aggregate != "none"


E = TypeVar("E", bound=Event)

CATALOGUE: dict[str, EventSpec] = {}
_SPEC_OF: dict[type[Event], EventSpec] = {}


def event(
    type_: str, *, topic: str, aggregate: AggregateType, key: str
) -> Callable[[type[E]], type[E]]:
    """Publish a class: `@event("onefunnel.lead.accepted.v1", topic=LEAD, aggregate="lead", key="lead_id")`.

    Checked at import: the type is unique, the key is a field, and the docstring says what happened.
    """

    def publish(model: type[E]) -> type[E]:
        assert type_ not in CATALOGUE, f"{type_} is published twice"
        assert key in model.model_fields, f"{type_}: the key {key} is not a field"
        assert model.__doc__ not in (None, Event.__doc__), f"{type_} does not say what happened"
        spec = EventSpec(type_, topic, aggregate, key, model, _time_field(model))
        CATALOGUE[type_] = _SPEC_OF[model] = spec
        return model

    return publish


def _time_field(model: type[Event]) -> str | None:
    """Return the field that says when it happened: the first aware datetime, by convention."""
    return next(
        (n for n, f in model.model_fields.items() if "AwareDatetime" in str(f.annotation)), None
    )


def spec_of(event_: Event) -> EventSpec:
    """Return the catalogue entry of an event."""
    return _SPEC_OF[type(event_)]
