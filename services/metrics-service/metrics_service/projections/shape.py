"""Contributions in factored form: one set of cells counted once under each dimension.

A lead has the same five steps under "all", its owner, its source, its campaign and its segment.
Kept apart, the steps are computed once and compared once, and only what changed is spelled out.
"""

from itertools import zip_longest
from operator import add, neg, sub
from typing import NamedTuple, TypeVar

from metrics_service.projections.keys import Contributions, Key, PayKey, Vector

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


_NO_GROUP = Group((), {})


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
    get = totals.get
    for key, vector in more.items():
        known = get(key)
        totals[key] = vector if known is None else plus(known, vector)


def spelled_out(shape: Shape) -> dict[Key, Vector]:
    """Return every key with its vector; zero vectors are left out."""
    return difference(Shape(), shape)


def difference(before: Shape, after: Shape) -> dict[Key, Vector]:
    """Return `spelled_out(after) - spelled_out(before)`, spelling out only what changed."""
    totals: dict[Key, Vector] = {}
    add_difference(totals, before, after)
    return {key: vector for key, vector in totals.items() if any(vector)}


def add_difference(totals: dict[Key, Vector], before: Shape, after: Shape) -> list[PayKey]:
    """Add `after - before` to totals, as the fold does, and return the pay keys that changed."""
    for old, new in zip_longest(before.groups, after.groups, fillvalue=_NO_GROUP):
        if old.dims == new.dims:
            _expand(totals, new.dims, _changes(old.cells, new.cells))
        else:
            _expand(totals, old.dims, {cell: negative(v) for cell, v in old.cells.items()})
            _expand(totals, new.dims, new.cells)
    changes = _changes(before.plain, after.plain)
    accumulate(totals, changes)
    return [key for key in changes if type(key) is PayKey]


def _expand(totals: dict[Key, Vector], dims: Dims, cells: Cells) -> None:
    get = totals.get
    for (kind, head, tail), vector in cells.items():
        for dim in dims:
            key = _new(kind, head + dim + tail)
            known = get(key)
            totals[key] = vector if known is None else plus(known, vector)


def _changes(old: dict[K, Vector], new: dict[K, Vector]) -> dict[K, Vector]:
    if not old:
        return new
    if old == new:
        return {}
    changes = {cell: vector for cell, vector in new.items() if old.get(cell) != vector}
    for cell, vector in old.items():
        if cell not in new:
            changes[cell] = negative(vector)
        elif cell in changes:
            changes[cell] = minus(changes[cell], vector)
    return changes
