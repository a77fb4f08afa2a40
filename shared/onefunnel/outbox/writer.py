"""State and its events, saved in one statement: neither can be there without the other."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    ARRAY,
    ClauseElement,
    Dialect,
    FromClause,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.envelope import Record
from onefunnel.events.topics import TOPICS
from onefunnel.log.partitioner import partition_of
from onefunnel.outbox.table import OUTBOX
from onefunnel.persistence.database import driver_of

_DIALECT: Final[Dialect] = postgresql.asyncpg.dialect(  # type: ignore[no-untyped-call]
    json_serializer=lambda value: orjson.dumps(value).decode()
)
_PARTITIONS: Final = {topic.name: topic.partitions for topic in TOPICS}
_SENT: Final[dict[str, TypeEngine[Any]]] = {
    "event_id": Uuid(),
    "key": Uuid(),
    "topic": Text(),
    "partition": SmallInteger(),
    "record": LargeBinary(),
}


class Compiled(NamedTuple):
    """A statement as the driver takes it.

    SQLAlchemy writes the text once; sent by the driver itself, a write costs half the Python.
    """

    sql: str
    names: Sequence[str]
    processors: Mapping[str, Callable[[Any], Any]]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of their places in the text."""
        processors = self.processors
        return [
            processors[name](values[name]) if name in processors else values[name]
            for name in self.names
        ]


class StaleVersion(DomainError):
    """Somebody else changed the aggregate between load and save, or created it first."""

    def __init__(self) -> None:
        super().__init__(
            "conflict",
            "It was changed by another request meanwhile; read it again and repeat the request.",
            kind=ErrorKind.CONFLICT,
        )


class Beside(NamedTuple):
    """Rows of another table that belong to a change, such as its timeline: all with the same columns."""

    table: Table
    rows: Sequence[Mapping[str, object]]


async def save(
    conn: AsyncConnection,
    table: Table,
    row: Mapping[str, object],
    *,
    seen: int | None,
    records: Sequence[Record],
    beside: Beside | None = None,
) -> None:
    """Write one aggregate row, its events and the rows `beside` it in one statement.

    `seen` is the version that was loaded, None for a new aggregate; `row` holds the new values,
    `version` and `event_seq` among them. Raises `StaleVersion` if the row is not as it was seen,
    and then nothing is written.
    """
    told = (beside.table, tuple(beside.rows[0])) if beside and beside.rows else None
    statement = _statement(table, tuple(row), new=seen is None, sends=bool(records), told=told)
    values: dict[str, Any] = {f"v_{name}": value for name, value in row.items()}
    if seen is not None:
        values["seen"] = seen
    if records:
        values |= _arrays(records)
    if beside and told:
        values |= {f"b_{name}": [one[name] for one in beside.rows] for name in told[1]}
    if not await driver_of(conn).fetchval(statement.sql, *statement.arguments(values)):
        raise StaleVersion


async def append_only(conn: AsyncConnection, records: Sequence[Record]) -> None:
    """Write events that belong to no aggregate (views, searches): nothing to lock, nothing to number."""
    if records:
        await driver_of(conn).execute(_APPEND.sql, *_APPEND.arguments(_arrays(records)))


def _arrays(records: Sequence[Record]) -> dict[str, list[object]]:
    return {
        "r_event_id": [r.event_id for r in records],
        "r_key": [r.key for r in records],
        "r_topic": [r.topic for r in records],
        "r_partition": [partition_of(r.key, _PARTITIONS[r.topic]) for r in records],
        "r_record": [r.value for r in records],
    }


def _rows(prefix: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
    """Return rows that travel as one array per column, numbered `n` in their order."""
    arrays = [bindparam(f"{prefix}_{name}", type_=ARRAY(type_)) for name, type_ in types.items()]
    columns = [column(name, type_) for name, type_ in types.items()]
    numbered = func.unnest(*arrays).table_valued(*columns, with_ordinality="n")
    return numbered.render_derived(name=prefix)


def _to_outbox(tenant: Any, written: FromClause | None) -> Any:
    """Insert into the outbox in the order given.

    The rows come from the aggregate's own write, so their ids are taken while its lock is held:
    for one aggregate, id order is sequence order is commit order.
    """
    sent = _rows("r", _SENT)
    rows = select(tenant, *(sent.c[name] for name in _SENT)).select_from(sent)
    if written is not None:
        rows = rows.join_from(sent, written, onclause=true())
    return insert(OUTBOX).from_select(["tenant_id", *_SENT], rows.order_by(sent.c.n))


def _compiled(statement: ClauseElement) -> Compiled:
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    assert names is not None
    types = {bind.key: bind.type for bind in compiled.binds.values()}
    found = {name: types[name].dialect_impl(_DIALECT).bind_processor(_DIALECT) for name in names}
    return Compiled(compiled.string, names, {n: p for n, p in found.items() if p is not None})


_APPEND: Final = _compiled(
    _to_outbox(literal_column("current_setting('app.tenant')::uuid", Uuid()), None)
)


@lru_cache(maxsize=256)
def _statement(
    table: Table,
    names: tuple[str, ...],
    *,
    new: bool,
    sends: bool,
    told: tuple[Table, tuple[str, ...]] | None = None,
) -> Compiled:
    """Build the statement for one table and set of columns, once per process."""
    values = {name: bindparam(f"v_{name}", type_=table.c[name].type) for name in names}
    write = _insertion(table, values) if new else _change(table, values)
    written = write.returning(table.c.tenant_id).cte("upd")
    statement = select(func.count()).select_from(written)
    if sends:
        statement = statement.add_cte(_to_outbox(written.c.tenant_id, written).cte("sent"))
    if told:
        statement = statement.add_cte(_to_beside(*told, written).cte("told"))
    return _compiled(statement)


def _to_beside(table: Table, names: tuple[str, ...], written: FromClause) -> Any:
    rows = _rows("b", {name: table.c[name].type for name in names})
    chosen = select(*(rows.c[name] for name in names)).select_from(rows)
    chosen = chosen.join_from(rows, written, onclause=true())
    return insert(table).from_select(list(names), chosen)


def _insertion(table: Table, values: dict[str, Any]) -> Any:
    key = [table.c.tenant_id, table.c.id]
    return insert(table).values(values).on_conflict_do_nothing(index_elements=key)


def _change(table: Table, values: dict[str, Any]) -> Any:
    changed = {name: value for name, value in values.items() if name not in {"tenant_id", "id"}}
    return (
        update(table)
        .where(
            table.c.tenant_id == values["tenant_id"],
            table.c.id == values["id"],
            table.c.version == bindparam("seen", type_=table.c.version.type),
        )
        .values(changed)
    )
