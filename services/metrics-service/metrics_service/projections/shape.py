"""Contributions in factored form: one set of cells counted once under each dimension.

A lead has the same five steps under "all", its owner, its source, its campaign and its segment.
Kept apart, the steps are computed once and compared once, and only what changed is spelled out.
"""

from collections.abc import Iterable
from operator import add, neg, sub
from typing import NamedTuple, TypeVar

from metrics_service.projections.keys import Contributions, Key, Vector

Dims = tuple[tuple[str, str], ...]
# A key's class, its fields before `dim, value`, and its fields after them.
Cell = tuple[type[Key], tuple[object, ...], tuple[object, ...]]
Cells = dict[Cell, Vector]
K = TypeVar("K")

_new = tuple.__new__


class Group(NamedTuple):
    """Cells that count under each of some dimensions."""

    dims: Dims
    cells: Cells


class Shape(NamedTuple):
    """All that an entity contributes: groups in a fixed order, and keys that have no dimension."""

    groups: tuple[Group, ...] = ()
    plain: dict[Key, Vector] = {}  # noqa: RUF012 - never changed: an empty shape has none


def add_to(totals: dict[K, Vector], key: K, vector: Vector) -> None:
    """Add a vector to what a key has."""
    known = totals.get(key)
    totals[key] = vector if known is None else plus(known, vector)


def plus(left: Vector, right: Vector) -> Vector:
    """Return the sum of two vectors of the same kind."""
    return _new(type(left), map(add, left, right))


def minus(left: Vector, right: Vector) -> Vector:
    """Return the difference of two vectors of the same kind."""
    return _new(type(left), map(sub, left, right))


def negative(vector: Vector) -> Vector:
    """Return the vector that cancels this one."""
    return _new(type(vector), map(neg, vector))


def accumulate(totals: dict[Key, Vector], more: Contributions) -> None:
    """Add contributions to totals; sums of zero stay, so that the caller sees what was touched."""
    for key, vector in more.items():
        add_to(totals, key, vector)


def spelled_out(shape: Shape) -> dict[Key, Vector]:
    """Return every key with its vector; zero vectors are left out."""
    totals: dict[Key, Vector] = {}
    for group in shape.groups:
        _expand(totals, group.dims, group.cells)
    accumulate(totals, shape.plain)
    return _without_zeros(totals)


def difference(before: Shape, after: Shape) -> dict[Key, Vector]:
    """Return `spelled_out(after) - spelled_out(before)`, spelling out only what changed."""
    totals: dict[Key, Vector] = {}
    for old, new in _paired(before.groups, after.groups):
        if old.dims == new.dims:
            _expand(totals, new.dims, _changes(old.cells, new.cells))
        else:
            _expand(totals, old.dims, {cell: negative(v) for cell, v in old.cells.items()})
            _expand(totals, new.dims, new.cells)
    accumulate(totals, _changes(before.plain, after.plain))
    return _without_zeros(totals)


def _paired(old: tuple[Group, ...], new: tuple[Group, ...]) -> Iterable[tuple[Group, Group]]:
    if len(old) == len(new):
        return zip(old, new, strict=True)
    nothing = Group((), {})
    gone, come = [(group, nothing) for group in old], [(nothing, group) for group in new]
    return gone + come


def _expand(totals: dict[Key, Vector], dims: Dims, cells: Cells) -> None:
    for (kind, head, tail), vector in cells.items():
        for dim in dims:
            key = _new(kind, head + dim + tail)
            known = totals.get(key)
            totals[key] = vector if known is None else plus(known, vector)


def _changes(old: dict[K, Vector], new: dict[K, Vector]) -> dict[K, Vector]:
    if old == new:
        return {}
    changes = {cell: vector for cell, vector in new.items() if old.get(cell) != vector}
    for cell, vector in old.items():
        if cell not in new:
            changes[cell] = negative(vector)
        elif cell in changes:
            changes[cell] = minus(changes[cell], vector)
    return changes


def _without_zeros(totals: dict[Key, Vector]) -> dict[Key, Vector]:
    return {key: vector for key, vector in totals.items() if any(vector)}
