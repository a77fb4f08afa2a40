"""No event carries personal data: every field is an id, a time, a number, a word of a fixed set, or named here."""

import re
import types
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from onefunnel.events import CATALOGUE, crm, values
from onefunnel.events.catalogue import Event

SAFE = {UUID, bool, int, date, datetime, AwareDatetime, type(None)}


def pattern_of(kind: Any) -> str | None:
    found = [one for one in get_args(kind) if isinstance(one, StringConstraints)]
    return found[0].pattern if found else None


# Texts of a shape in which nobody can say anything: steps, currencies, periods, numbers.
SHAPES = {
    pattern_of(kind)
    for kind in (
        values.StepKey,
        values.Currency,
        values.Period,
        values.DecimalText,
        crm.AmountText,
    )
}
CODE = pattern_of(values.Code)
# Codes are the tenant's own vocabulary: of its forms, its funnel, its price list. A new one is added
# here by somebody who has asked whether a person's words could be in it.
CODES = {
    "onefunnel.account.changed.v1": "segment",
    "onefunnel.activity.logged.v1": "kind",
    "onefunnel.adjustment.posted.v1": "reason",
    "onefunnel.campaign.changed.v1": "channel",
    "onefunnel.content.published.v1": "kind segment",
    "onefunnel.crm.change_received.v1": "source origin lost_reason",
    "onefunnel.deal.created.v1": "funnel source segment origin.source origin.segment",
    "onefunnel.deal.lost.v1": "competitor reason",
    "onefunnel.deal.updated.v1": "source segment origin.source origin.segment",
    "onefunnel.deal.won.v1": "lines.line_id",
    "onefunnel.feedback.submitted.v1": "kind",
    "onefunnel.funnel.activated.v1": "funnel steps.entry",
    "onefunnel.lead.captured.v1": "funnel source segment",
    "onefunnel.lead.disqualified.v1": "reason",
    "onefunnel.lead.recycled.v1": "reason",
    "onefunnel.lead.scored.v1": "grade",
    "onefunnel.lead.updated.v1": "source segment",
    "onefunnel.person.changed.v1": "memberships.team memberships.region",
    "onefunnel.plan.activated.v1": "plan.name plan.components.id plan.components.source",
    "onefunnel.quota.set.v1": "component",
    "onefunnel.touch.recorded.v1": "channel",
    "onefunnel.winloss.recorded.v1": "reasons",
}
# Texts that are neither, and why they may be there.
REASONED = {
    "onefunnel.crm.change_received.v1 external_id": "a CRM's number of its record; no @ fits in it",
    "onefunnel.crm.change_received.v1 merged_into": "such a number as well",
    "onefunnel.crm.change_received.v1 tie": "decides between two changes of one instant",
    "onefunnel.tenant.changed.v1 time_zone": "a name of the time zone database",
}


def texts(kind: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """Return what below a type can hold text: where, and the pattern it keeps to."""
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    origin, args = get_origin(kind), get_args(kind)
    if kind in SAFE or origin is Literal:
        return
    if origin is Annotated and args[0] is str:
        yield path, pattern_of(kind)
    elif origin is Annotated:
        yield from texts(args[0], path)
    elif origin in (Union, types.UnionType, tuple, dict):
        for one in args:
            if one is not Ellipsis:
                yield from texts(one, path)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from fields(kind, f"{path}.")
    else:
        yield path, None  # a bare text, or a type that nobody has judged yet


def fields(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, str | None]]:
    """Return every field of a model that can hold text, those of its parts included."""
    for name, field in model.model_fields.items():
        kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        yield from texts(kind, before + name)


def unjudged(type_: str, model: type[BaseModel]) -> set[str]:
    """Return the fields that may hold what a person wrote and that nobody has let pass."""
    codes = CODES.get(type_, "").split()
    return {
        path
        for path, pattern in fields(model)
        if pattern not in SHAPES
        and not (pattern == CODE and path in codes)
        and f"{type_} {path}" not in REASONED
    }


@pytest.mark.parametrize("type_", CATALOGUE)
def test_no_field_of_an_event_can_hold_what_a_person_wrote(type_: str) -> None:
    assert unjudged(type_, CATALOGUE[type_].model) == set()


class Careless(Event):
    """Somebody adds words, deep down and in a code."""

    class Part(values.Value):
        """A part."""

        note: str

    code: values.Code
    parts: tuple[Part, ...] = ()
    by_name: dict[str, int] = Field(default_factory=dict)
    amount: values.DecimalText = "1"


def test_words_are_found_wherever_somebody_adds_them() -> None:
    assert unjudged("onefunnel.careless.v1", Careless) == {"code", "parts.note", "by_name"}


def test_what_is_let_pass_is_there() -> None:
    there = {f"{t} {path}" for t, spec in CATALOGUE.items() for path, _ in fields(spec.model)}
    listed = {f"{type_} {path}" for type_, paths in CODES.items() for path in paths.split()}
    assert (listed | REASONED.keys()) - there == set()


@pytest.mark.parametrize(
    "address", ["jane@example.org", "Jane Doe, 030 1234!", "+49 30 123456", "x" * 65]
)
def test_a_code_takes_neither_an_address_nor_a_sentence(address: str) -> None:
    assert CODE is not None
    assert re.fullmatch(CODE, address) is None
