"""Arrays as parameters, spelled as text (ADR 0012).

The driver asks of every element of a list whether it is itself a list, by an abstract class, which
costs more than the database's own work on it. PostgreSQL reads its array literals in a tenth of that.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

# Kinds whose text needs no quotes: digits, dashes, signs.
_BARE: Final = frozenset({"int", "bigint", "smallint", "date", "timestamptz", "bool"})
_AS_IS: Final = frozenset({"bytea"})


def placeholder(n: int, kind: str) -> str:
    """Return the SQL of the n-th parameter, an array of `kind` made by `array`."""
    return f"${n}::bytea[]" if kind in _AS_IS else f"${n}::text::{kind}[]"


def placeholders(kinds: Iterable[str], first: int = 1) -> str:
    """Return the SQL of consecutive array parameters."""
    return ", ".join(placeholder(n, kind) for n, kind in enumerate(kinds, start=first))


def found_by(table: str, names: Sequence[str], given: str, columns: str = "") -> str:
    """Return the query of the rows of `table` that have the given values: their place, and `columns`.

    One look into the index for each given row: the `OFFSET` keeps the planner from turning it round.
    """
    same = " AND ".join(f"t.{name} = given.{name}" for name in names)
    return (
        f"SELECT row.ctid AS place{columns} FROM {given} CROSS JOIN LATERAL"
        f" (SELECT t.ctid FROM {table} t WHERE {same} OFFSET 0) row"
    )


def array(kind: str, values: Sequence[object]) -> object:
    """Return a parameter for `placeholder`."""
    if kind in _AS_IS:
        return values
    if not values:
        return "{}"
    if kind == "uuid":
        return "{" + ",".join(map(_hexadecimal, values)) + "}"
    if kind in _BARE:
        texts = map(_bare, values) if None in values else map(str, values)
        return "{" + ",".join(texts) + "}"
    return _quoted(values)


def arrays(kinds: Iterable[str], rows: Iterable[Sequence[object]]) -> list[object]:
    """Return the columns of rows as parameters."""
    columns = tuple(zip(*rows, strict=True))
    if not columns:
        return [array(kind, ()) for kind in kinds]
    return [array(kind, column) for kind, column in zip(kinds, columns, strict=True)]


def _hexadecimal(value: Any) -> str:
    return "NULL" if value is None else f"{value.int:032x}"


def _bare(value: object) -> str:
    return "NULL" if value is None else str(value)


def _quoted(values: Sequence[object]) -> str:
    """Quote every text; what holds a quote or a backslash itself, and NULL, are the rare cases."""
    if None in values:
        return "{" + ",".join("NULL" if v is None else _quoted((v,))[1:-1] for v in values) + "}"
    texts: list[str] = values  # type: ignore[assignment]
    joined = '","'.join(texts)
    if joined.count('"') != 2 * (len(texts) - 1) or "\\" in joined:
        escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
        joined = '","'.join(escaped)
    return '{"' + joined + '"}'
