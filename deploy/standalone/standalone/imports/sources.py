"""Parsing where a value comes from: `column`, or `{column: …, aliases: …}` and its relatives."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from standalone.imports.kinds import Spec
from standalone.imports.model import Assumed, Condition, Field, LookUp, Source
from standalone.imports.nodes import Block, Items, Mistakes, Node, Word, nearest
from standalone.imports.values import Notation, is_date_format

ROUNDINGS: Final = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
}
_ASSUMED = re.compile(r"(list price|revenue)\s*[×x*]\s*(\d{1,6}(?:\.\d{1,6})?)")
_FORMULA_HELP = "a cost is a column or a line such as  list price × 0.6"
Aliases = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the top of a mapping says for all columns."""

    notation: Notation
    nulls: frozenset[str]
    aliases: Mapping[str, Aliases]


def notation_of(block: Block, given: Notation) -> Notation:
    """Return how numbers and times are written, where a block says it differently."""
    decimal = block.choice("decimal", (".", ","), given.decimal)
    zone, forms = block.text("time_zone"), block.texts("dates")
    for form in forms:
        if form != "iso" and not is_date_format(form):
            block.mistakes.add(
                block.line, f"dates: {form} is neither iso nor a pattern such as %d/%m/%Y"
            )
    return Notation(
        decimal=decimal or ".",
        thousands=block.choice("thousands", ("", ",", ".", "'", " "), given.thousands) or "",
        dates=forms or given.dates,
        zone=_zone(block, zone) if zone else given.zone,
    )


def _zone(block: Block, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        block.mistakes.add(block.line, f"time_zone: there is no zone {name}; UTC, Europe/Berlin …")
        return ZoneInfo("UTC")


def aliases_of(block: Block, word: str, named: Mapping[str, Aliases]) -> Aliases:
    """Return an alias table: written here, or the name of one that the mapping's top defines."""
    node = block.node(word)
    if isinstance(node, Word) and node.text is not None:
        if node.text not in named:
            block.mistakes.add(node.line, f"{word}: there is no alias table {node.text}")
        return named.get(node.text, {})
    return dict(_entries(block, word))


def _entries(block: Block, word: str) -> list[tuple[str, str | None]]:
    entries = []
    for name, node in block.pairs(word):
        if isinstance(node, Word):
            entries.append((name, node.text))
        else:
            block.mistakes.add(node.line, f"{word}: {name} must be a single value")
    return entries


def source_of(node: Node, spec: Spec | None, defaults: Defaults, mistakes: Mistakes) -> Source:
    """Return where a value comes from. A bare word is a column."""
    if isinstance(node, Word):
        if node.text is None:
            mistakes.add(node.line, "a column is missing")
        return _plain(node.line, node.text, defaults)
    if isinstance(node, Items):
        mistakes.add(node.line, "a value is one column, not a list")
        return _plain(node.line, None, defaults)
    source = _source(node, spec, defaults)
    node.finish()
    return source


def _plain(line: int, column: str | None, defaults: Defaults) -> Source:
    return Source(
        line,
        column,
        None,
        {},
        defaults.nulls,
        None,
        None,
        None,
        None,
        defaults.notation,
        None,
        False,
    )


def _source(block: Block, spec: Spec | None, defaults: Defaults) -> Source:
    column, constant = block.text("column"), block.text("constant")
    look_up = _look_up(block) if "lookup" in block else None
    if (column is None) == (constant is None):
        block.mistakes.add(block.line, "give either column or constant")
    rounding = None
    if spec and spec.type in {"money", "cost"} and "round" in block:
        rounding = ROUNDINGS.get(block.choice("round", tuple(ROUNDINGS)) or "")
    minor = bool(spec and spec.type in {"money", "cost"} and "unit" in block) and (
        block.choice("unit", ("major", "minor")) == "minor"
    )
    points_to, outside = _target(block, spec)
    return replace(
        _plain(block.line, column, defaults),
        constant=constant,
        aliases=aliases_of(block, "aliases", defaults.aliases) if "aliases" in block else {},
        nulls=defaults.nulls | frozenset(block.texts("null_words")),
        default=block.text("default"),
        look_up=look_up,
        points_to=points_to,
        outside=outside,
        notation=notation_of(block, defaults.notation),
        rounding=rounding,
        minor_units=minor,
    )


def _look_up(block: Block) -> LookUp | None:
    file = block.text("lookup", required=True)
    match, take = block.text("match", required=True), block.text("take", required=True)
    return LookUp(file, match, take) if file and match and take else None


def _target(block: Block, spec: Spec | None) -> tuple[str | None, str | None]:
    """Return which set, or which outside source, a reference points to."""
    if spec is None or spec.type != "reference":
        return None, None
    points_to, outside = block.text("set"), block.text("outside")
    if points_to and outside:
        block.mistakes.add(block.line, "give either set or outside")
    return points_to, outside


def field_of(name: str, node: Node, spec: Spec, defaults: Defaults, mistakes: Mistakes) -> Field:
    """Return a field of a set; a cost may be an assumption instead of a column."""
    if spec.type == "cost" and isinstance(node, Word):
        found = _ASSUMED.fullmatch(node.text or "")
        if found:
            of = cast("str", found[1])
            return Field(name, spec, Assumed("revenue" if of == "revenue" else "list price",
                                             Decimal(found[2])))  # fmt: skip
        if re.search(r"[×*%]", node.text or ""):
            mistakes.add(node.line, _FORMULA_HELP)
    source = source_of(node, spec, defaults, mistakes)
    _check_constant(name, spec, source, mistakes)
    return Field(name, spec, source)


def _check_constant(name: str, spec: Spec, source: Source, mistakes: Mistakes) -> None:
    for text in (source.constant, source.default, *source.aliases.values()):
        if spec.type == "choice" and text is not None and text not in spec.choices:
            meant = nearest(text, spec.choices)
            hint = f"did you mean {meant}?" if meant else "it can be " + ", ".join(spec.choices)
            mistakes.add(source.line, f"{name} cannot be {text}: {hint}")


def conditions_of(block: Block, word: str, defaults: Defaults) -> tuple[Condition, ...]:
    """Return the conditions under `when` or `only`; all of a list must hold."""
    node = block.node(word)
    nodes = node.nodes if isinstance(node, Items) else () if node is None else (node,)
    return tuple(_condition(item, word, defaults, block.mistakes) for item in nodes)


def _condition(node: Node, word: str, defaults: Defaults, mistakes: Mistakes) -> Condition:
    if not isinstance(node, Block):
        mistakes.add(node.line, f"{word} is written  {{column: NAME, is: VALUE}}")
        return Condition(_plain(node.line, "", defaults), None)
    words, not_words = frozenset(node.texts("is")), frozenset(node.texts("is_not"))
    present = node.choice("present", ("true", "false")) if "present" in node else None
    if sum(("is" in node, "is_not" in node, "present" in node)) != 1:
        mistakes.add(node.line, f"{word} needs one of: is, is_not, present")
    source = _source(node, None, defaults)
    node.finish()
    if present:
        return Condition(source, None, negated=present == "false")
    return Condition(source, words or not_words, negated=bool(not_words))
