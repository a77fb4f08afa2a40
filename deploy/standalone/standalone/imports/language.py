"""Parsing a mapping file into a plan, strictly: an unknown word is a mistake with its line."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, cast

from standalone.imports.kinds import CREDIT, KINDS, Happening, Kind, Spec
from standalone.imports.model import Event, Field, Plan, SetPlan, Source
from standalone.imports.nodes import Block, Items, Mistakes, nearest, read_nodes
from standalone.imports.sources import (
    Defaults,
    aliases_of,
    conditions_of,
    field_of,
    notation_of,
    source_of,
)
from standalone.imports.values import Notation

DATA: Final = "data"  # the name of the file that is given last on the command line
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DELIMITERS: Final = (",", ";", "|", "\t", "tab")


def read_plan(path: Path) -> Plan:
    """Return the plan in a mapping file, or raise every mistake in it with its line."""
    top = read_nodes(path)
    mistakes = top.mistakes
    version = top.choice("mapping", ("1",))
    source = _named(top, "source") or ""
    currency = top.text("currency")
    if currency is not None and not _CURRENCY.fullmatch(currency):
        mistakes.add(top.line, "currency must be a code such as EUR")
    plan = Plan(
        path,
        source,
        currency,
        _files(top),
        _sets(top, _defaults(top)) if version else (),
    )
    top.finish()
    if version:
        _check(plan, mistakes)
    mistakes.stop_if_any()
    return plan


def _named(block: Block, word: str) -> str | None:
    name = block.text(word, required=True)
    if name is not None and not _NAME.fullmatch(name):
        block.mistakes.add(block.line, f"{word} must be a word of small letters, digits, _ and -")
    return name


def _defaults(top: Block) -> Defaults:
    named = {}
    for name, node in top.pairs("aliases"):
        if isinstance(node, Block):
            table = Block(node.line, {name: (node.line, node)}, top.mistakes)
            named[name] = aliases_of(table, name, {})
        else:
            top.mistakes.add(node.line, f"aliases: {name} must be a table of  written: meant")
    nulls = frozenset({"", *top.texts("null_words")})
    return Defaults(notation_of(top, Notation()), nulls, named)


def _files(top: Block) -> dict[str, str | None]:
    files: dict[str, str | None] = {}
    for name, node in top.pairs("files"):
        if not isinstance(node, Block):
            top.mistakes.add(node.line, f"files: {name} is written  {name}: {{delimiter: ';'}}")
            continue
        files[name] = _delimiter(node)
        node.finish()
    return files


def _delimiter(block: Block) -> str | None:
    if "delimiter" not in block:
        return None
    found = block.choice("delimiter", _DELIMITERS)
    return "\t" if found == "tab" else found


def _sets(top: Block, defaults: Defaults) -> tuple[SetPlan, ...]:
    node = top.node("sets")
    if not isinstance(node, Items) or not node.nodes:
        top.mistakes.add(node.line if node else top.line, "sets must be a list of sets")
        return ()
    found = []
    for place, item in enumerate(node.nodes, start=1):
        if isinstance(item, Block):
            last = place == len(node.nodes)
            found.append(_set(item, defaults, last=last))
        else:
            top.mistakes.add(item.line, "a set begins with  - make: deals")
    return tuple(one for one in found if one)


def _set(block: Block, defaults: Defaults, *, last: bool) -> SetPlan | None:
    kind_name = block.choice("make", tuple(KINDS))
    if kind_name is None:
        return None
    kind = KINDS[kind_name]
    nulls = defaults.nulls | frozenset(block.texts("null_words"))
    here = replace(defaults, notation=notation_of(block, defaults.notation), nulls=nulls)
    repeated = block.choice("repeated", ("refuse", "same", "first"), "refuse")
    plan = SetPlan(
        line=block.line,
        name=(_named(block, "set") if "set" in block else None) or kind_name,
        kind_name=kind_name,
        kind=kind,
        file=block.text("file", required=not last) or DATA,
        delimiter=_delimiter(block),
        key=_key(block, "key", here),
        id=_key(block, "id", here) if "id" in block else (),
        only=conditions_of(block, "only", here),
        repeated=cast("Literal['refuse', 'same', 'first']", repeated),
        fields=tuple(_fields(block, kind.fields, here)),
        attributes=tuple(_attributes(block, here)) if kind_name == "leads" else (),
        events=tuple(_events(block, kind, here)),
    )
    block.finish()
    return plan


def _key(block: Block, word: str, defaults: Defaults) -> tuple[Source, ...]:
    node = block.node(word)
    if node is None:
        block.mistakes.add(block.line, "key is missing: the columns that identify a row")
        return ()
    nodes = node.nodes if isinstance(node, Items) else (node,)
    return tuple(source_of(item, None, defaults, block.mistakes) for item in nodes)


def _fields(block: Block, specs: dict[str, Spec] | object, defaults: Defaults) -> Iterator[Field]:
    for name, spec in cast("dict[str, Spec]", specs).items():
        node = block.node(name)
        if node is not None:
            yield field_of(name, node, spec, defaults, block.mistakes)
        elif spec.required:
            block.mistakes.add(block.line, f"{name} is missing")


def _attributes(block: Block, defaults: Defaults) -> Iterator[Field]:
    for name, node in block.pairs("attributes"):
        if not _NAME.fullmatch(name):
            block.mistakes.add(
                node.line, f"{name} must be a word of small letters, digits, _ and -"
            )
        yield field_of(name, node, Spec("text"), defaults, block.mistakes)


def _events(block: Block, kind: Kind, defaults: Defaults) -> Iterator[Event]:
    for name, happening in kind.happenings.items():
        node = block.node(name)
        nodes = node.nodes if happening.many and isinstance(node, Items) else (node,)
        for item in nodes:
            if isinstance(item, Block):
                yield _event(name, happening, item, defaults)
            elif item is not None:
                block.mistakes.add(item.line, f"{name} must hold  at: COLUMN  and what it needs")


def _event(name: str, happening: Happening, block: Block, defaults: Defaults) -> Event:
    fields = tuple(_fields(block, happening.fields, defaults))
    credited = tuple(_credits(block, defaults)) if happening.command == "deal.win" else ()
    when = conditions_of(block, "when", defaults)
    block.finish()
    return Event(name, happening.command, happening.dated_by, when, fields, credited)


def _credits(block: Block, defaults: Defaults) -> Iterator[tuple[Field, ...]]:
    node = block.node("credits")
    if node is None:
        return
    for item in node.nodes if isinstance(node, Items) else (node,):
        if isinstance(item, Block):
            yield tuple(_fields(item, CREDIT, defaults))
            item.finish()
        else:
            block.mistakes.add(item.line, "a credit is written  - {person: COLUMN, role: …}")


def _check(plan: Plan, mistakes: Mistakes) -> None:
    order = list(KINDS)
    before: dict[str, SetPlan] = {}
    for one in plan.sets:
        if one.name in before:
            mistakes.add(one.line, f"there are two sets called {one.name}; give one a name")
        latest = max((order.index(other.kind_name) for other in before.values()), default=0)
        if order.index(one.kind_name) < latest:
            mistakes.add(one.line, f"{one.kind_name} must come earlier: {', '.join(order)}")
        _check_references(one, before, mistakes)
        _check_money(one, plan.currency, mistakes)
        before[one.name] = one


def every_field(one: SetPlan) -> Iterator[Field]:
    """Yield all fields of a set, those of its events and credits included."""
    yield from one.fields
    yield from one.attributes
    for event in one.events:
        yield from event.fields
        for credit in event.credits:
            yield from credit


def every_source(one: SetPlan) -> Iterator[Source]:
    """Yield all places a set reads values from."""
    yield from one.key
    yield from one.id
    yield from (condition.source for condition in one.only)
    for event in one.events:
        yield from (condition.source for condition in event.when)
    for field in every_field(one):
        if isinstance(field.source, Source):
            yield field.source


def _check_references(one: SetPlan, before: dict[str, SetPlan], mistakes: Mistakes) -> None:
    for field in every_field(one):
        source = field.source
        if not isinstance(source, Source) or field.spec.type != "reference" or source.outside:
            continue
        fitting = [name for name, other in before.items() if other.kind_name == field.spec.of]
        if source.points_to is None and len(fitting) != 1:
            known = (
                f"one of {', '.join(fitting)}" if fitting else "an earlier set, or outside: SOURCE"
            )
            mistakes.add(source.line, f"{field.name} must say which set it points to: {known}")
        elif source.points_to is not None and source.points_to not in fitting:
            meant = nearest(source.points_to, fitting)
            hint = f"; did you mean {meant}?" if meant else ""
            mistakes.add(
                source.line,
                f"{field.name}: there is no earlier set {source.points_to} of {field.spec.of}{hint}",
            )


def _check_money(one: SetPlan, currency: str | None, mistakes: Mistakes) -> None:
    own = any(field.name == "currency" for field in one.fields)
    for field in every_field(one):
        if field.spec.type in {"money", "cost"} and not own and currency is None:
            mistakes.add(one.line, f"{field.name} needs a currency, here or at the top")
        if isinstance(field.source, Source):
            continue
        siblings = next(e.fields for e in one.events if field in e.fields)
        needed = "list" if field.source.of == "list price" else "revenue"
        if not any(other.name == needed for other in siblings):
            mistakes.add(one.line, f"the assumed cost needs {needed} beside it")
