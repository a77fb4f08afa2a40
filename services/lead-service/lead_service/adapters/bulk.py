"""Array statements: many rows of one table in one round trip.

SQLAlchemy would send each value as a parameter of its own; with arrays 500 rows cost what ten did.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from onefunnel.persistence.arrays import array, placeholders
from onefunnel.persistence.database import DriverConnection

Row = Mapping[str, Any]

_SQL_TYPES: Final[tuple[tuple[type[Any], str], ...]] = (
    (JSONB, "jsonb"),
    (Uuid, "uuid"),
    (BigInteger, "bigint"),
    (Integer, "int"),
    (Boolean, "bool"),
    (DateTime, "timestamptz"),
    (Date, "date"),
    (LargeBinary, "bytea"),
    (Text, "text"),
)


async def insert_new(connection: DriverConnection, table: Table, rows: Sequence[Row]) -> bool:
    """Insert rows whose keys are free; say whether all of them were."""
    if not rows:
        return True
    names = tuple(rows[0])
    done = await connection.execute(_insertion(table, names), *_arrays(table, names, rows))
    return int(done.rpartition(" ")[2]) == len(rows)


async def update_seen(connection: DriverConnection, table: Table, rows: Sequence[Row]) -> bool:
    """Update aggregates that are still at the version `seen` of their row; say whether all were."""
    if not rows:
        return True
    names = tuple(rows[0])
    done = await connection.execute(_change(table, names), *_arrays(table, names, rows))
    return int(done.rpartition(" ")[2]) == len(rows)


@lru_cache(maxsize=64)
def _insertion(table: Table, names: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) "
        f"SELECT * FROM {_unnest(table, names)} ON CONFLICT DO NOTHING"
    )


@lru_cache(maxsize=64)
def _change(table: Table, names: tuple[str, ...]) -> str:
    changed = [name for name in names if name not in {"tenant_id", "id", "seen"}]
    columns, values = ", ".join(changed), ", ".join(f"u.{name}" for name in changed)
    return (
        f"UPDATE {table.name} t SET ({columns}) = ROW({values}) "
        f"FROM {_unnest(table, names)} AS u ({', '.join(names)}) "
        "WHERE t.tenant_id = u.tenant_id AND t.id = u.id AND t.version = u.seen"
    )


def _unnest(table: Table, names: tuple[str, ...]) -> str:
    return f"unnest({placeholders(_sql_type(table, name) for name in names)})"


def _column(table: Table, name: str) -> Column[Any]:
    return table.c["version" if name == "seen" else name]


@lru_cache(maxsize=512)
def _sql_type(table: Table, name: str) -> str:
    kind = _column(table, name).type
    return next(sql for type_, sql in _SQL_TYPES if isinstance(kind, type_))


def _arrays(table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> list[object]:
    return [_array(_sql_type(table, name), [row[name] for row in rows]) for name in names]


def _array(kind: str, values: Sequence[Any]) -> object:
    return array(kind, list(map(_json, values)) if kind == "jsonb" else values)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
