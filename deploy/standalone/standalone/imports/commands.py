"""One row of a set becomes the commands of one batch item."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from standalone.imports.cells import Rejected, RowReader
from standalone.imports.kinds import KINDS
from standalone.imports.model import Assumed, Event, Field

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Item:
    """What one row makes: its commands run in one transaction."""

    key: str
    commands: tuple[Body, ...]


def item_of(reader: RowReader) -> Item:
    """Return the item of a row, or raise `Rejected` with the column at fault."""
    plan, key = reader.plan, reader.key()
    external: Body = {"source": reader.world.source, "id": reader.subject()}
    values = {one.name: reader.value(one) for one in plan.fields}
    subject = _SHAPES[plan.kind_name](reader, values)
    attributes = {one.name: reader.value(one) for one in plan.attributes}
    if attributes:
        subject["attributes"] = {name: v for name, v in attributes.items() if v is not None}
    first = _first(plan.kind.command, external, subject)
    happened = _happened(reader, external)
    return Item(f"{plan.name}:{key}", (first, *happened))


def _first(command: str, external: Body, subject: Body) -> Body:
    """Return the command that makes the subject; a deal with a lead comes from converting it."""
    lead, at = subject.pop("lead", None), subject.pop("converted_at", None)
    if lead is None:
        return {"do": command, "external": external, **subject}
    if at is None:
        raise Rejected("converted_at", "a deal with a lead needs the time of conversion", "empty")
    deal = {"external": external, **_given(subject)}
    return {"do": "lead.convert", "external": lead, "at": at, "deal": deal}


def _happened(reader: RowReader, external: Body) -> list[Body]:
    commands: list[Body] = []
    ended: Event | None = None
    for event in reader.plan.events:
        if not _did_happen(reader, event):
            continue
        if event.name in {"won", "lost"}:
            if ended is not None:
                column = event.when[0].source.place if event.when else event.dated_by
                raise Rejected(
                    column, "the row says that the deal was won and lost", "won-and-lost"
                )
            ended = event
        commands.append(
            {"do": event.command, "external": dict(external), **_event_body(reader, event)}
        )
    return commands


def _did_happen(reader: RowReader, event: Event) -> bool:
    if event.when:
        return reader.holds(event.when)
    dated = next((one for one in event.fields if one.name == event.dated_by), None)
    return dated is not None and reader.has(dated)


def _event_body(reader: RowReader, event: Event) -> Body:
    if event.command == "deal.win":
        return _win(reader, event)
    values = {
        one.name: _money(reader, reader.value(one))
        if one.spec.type == "money"
        else reader.value(one)
        for one in event.fields
    }
    return _given(values)


def _given(values: Mapping[str, object]) -> Body:
    return {name: value for name, value in values.items() if value is not None}


def _money(reader: RowReader, amount_minor: object) -> Body | None:
    if amount_minor is None:
        return None
    return {"amount_minor": amount_minor, "currency": reader.currency}


def _person(_: RowReader, values: Body) -> Body:
    place = _given({name: values.get(name) for name in ("from", "to", "manager", "team", "region")})
    subject = _given({"name": values.get("name"), "kind": values.get("kind")})
    return {**subject, "memberships": [place] if place else []}


def _product(reader: RowReader, values: Body) -> Body:
    listed = values.get("list")
    priced = {"list_minor": listed, "currency": reader.currency} if listed is not None else {}
    return {"name": values.get("name"), **priced}


def _lead(_: RowReader, values: Body) -> Body:
    return {"captured_at": None, **_given(values)}


def _deal(reader: RowReader, values: Body) -> Body:
    kept = {name: value for name, value in values.items() if name not in {"amount", "currency"}}
    amount = _money(reader, values.get("amount"))
    return {
        "created_at": None,
        **_given(kept),
        "currency": reader.currency,
        **_given({"amount": amount}),
    }


def _named(_: RowReader, values: Body) -> Body:
    return _given({name: value for name, value in values.items() if name != "currency"})


_SHAPES: Final[Mapping[str, Callable[[RowReader, Body], Body]]] = {
    "people": _person,
    "accounts": _named,
    "products": _product,
    "campaigns": _named,
    "leads": _lead,
    "deals": _deal,
}
assert set(_SHAPES) == set(KINDS)


def _win(reader: RowReader, event: Event) -> Body:
    fields = {one.name: one for one in event.fields}
    body: Body = {"at": reader.value(fields["at"])}
    if "revenue" in fields:
        body["lines"] = [_line(reader, fields)]
    else:
        body["lines"] = []
    credits_given = [_given({one.name: reader.value(one) for one in c}) for c in event.credits]
    if credits_given:
        body["credits"] = credits_given
    else:
        body["credits"] = _owner_credit(reader)
    return body


def _owner_credit(reader: RowReader) -> list[Body]:
    owner = next((one for one in reader.plan.fields if one.name == "owner"), None)
    person = reader.value(owner) if owner else None
    return [{"person": person, "role": "owner"}] if person else []


def _line(reader: RowReader, fields: Mapping[str, Field]) -> Body:
    revenue = reader.amount(fields["revenue"])
    if revenue is None:
        raise Rejected(_place(fields["revenue"]), "a won deal needs its revenue", "empty")
    listed = reader.amount(fields["list"]) if "list" in fields else None
    line: Body = {"id": "1", "quantity": "1", "revenue_minor": revenue, "list_minor": listed}
    if "quantity" in fields:
        line["quantity"] = reader.value(fields["quantity"]) or "1"
    product = next((one for one in reader.plan.fields if one.name == "product"), None)
    line["product"] = reader.value(product) if product else None
    if "cost" in fields:
        line.update(_cost(reader, fields["cost"], listed, revenue))
    return _given(line)


def _cost(reader: RowReader, field: Field, listed: int | None, revenue: int) -> Body:
    rule = field.source
    if not isinstance(rule, Assumed):
        return {"cost_minor": reader.amount(field)}
    cost = reader.assumed(rule, listed if rule.of == "list price" else revenue)
    return {"cost_minor": cost, "cost_assumed": True} if cost is not None else {}


def _place(field: Field) -> str:
    return field.source.place if not isinstance(field.source, Assumed) else field.name
