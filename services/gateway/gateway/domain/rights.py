"""The matrix of rights: who may do what to whose things, read from `rights.toml`. Default deny."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from onefunnel.reach import ALL, RELATIONS, ROLES, Relation, Rights, Role

NONE: Final[frozenset[Relation]] = frozenset()
READ: Final = "read"
_WORDS: Final[Mapping[str, frozenset[Relation]]] = {
    **{relation: frozenset({relation}) for relation in RELATIONS},
    "all": ALL,
    "others": ALL - {"self"},
    "agg": ALL,
    "mask": NONE,
}


class BadMatrix(Exception):
    """The file says something that means nothing, or says it twice: nothing may start with it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one role may do by one line: to whose things, and how much of them is shown."""

    relations: frozenset[Relation] = NONE
    grouped: bool = False
    masked: bool = False


Line = Mapping[Role, Cell]
_NOTHING: Final = Cell()


class Matrix:
    """All lines, by resource and action."""

    def __init__(self, lines: Mapping[tuple[str, str], Line]) -> None:
        self._lines = lines
        self._rights = {
            (role, *pair): self._combined(role, *pair) for role in ROLES for pair in lines
        }

    def line(self, resource: str, action: str) -> Line | None:
        """Return one line, None where the file has none."""
        return self._lines.get((resource, action))

    def rights(self, role: Role, resource: str, action: str) -> Rights:
        """Return what a role may do by a line, and what of its resource it sees."""
        return self._rights[role, resource, action]

    def permissions(self, role: Role) -> dict[str, list[str]]:
        """Return everything a role may do to something, by resource, in a stable order."""
        found: dict[str, list[str]] = {}
        for (resource, action), line in sorted(self._lines.items()):
            if role in line:
                found.setdefault(resource, []).append(action)
        return found

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield each resource and action that has a line."""
        return iter(self._lines)

    def _combined(self, role: Role, resource: str, action: str) -> Rights:
        may = self._lines[resource, action].get(role, _NOTHING)
        read = self._lines.get((resource, READ), {}).get(role, _NOTHING)
        # Numbers about everybody show nobody's things; who may change a thing may know it is there.
        seen = NONE if read.grouped else read.relations
        masked = may.masked or read.masked
        return Rights(seen | may.relations, may.relations, masked=masked, grouped=may.grouped)


def parsed(text: str) -> Matrix:
    """Return the matrix that a file describes; raise `BadMatrix` for a word it does not know."""
    return Matrix(
        {
            (resource, action): _line(cells, f"{resource}.{action}")
            for resource, actions in tomllib.loads(text).items()
            for action, cells in actions.items()
        }
    )


def _line(cells: Mapping[str, Any], where: str) -> Line:
    line: dict[Role, Cell] = {}
    for names, words in cells.items():
        for name in names.split():
            role = next((role for role in ROLES if role == name), None)
            if role is None or role in line:
                raise BadMatrix(f"{where}: {name} is no role, or has two cells")
            line[role] = _cell(words.split(), f"{where}, {name}")
    return line


def _cell(words: list[str], where: str) -> Cell:
    if unknown := [word for word in words if word not in _WORDS]:
        raise BadMatrix(f"{where}: {unknown[0]} is no relation")
    relations = NONE.union(*(_WORDS[word] for word in words))
    if not relations:
        raise BadMatrix(f"{where}: an empty cell is left out")
    return Cell(relations, grouped="agg" in words, masked="mask" in words)


MATRIX: Final = parsed(files("gateway.domain").joinpath("rights.toml").read_text("utf-8"))
