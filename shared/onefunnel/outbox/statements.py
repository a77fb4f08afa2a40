"""The statements of the writer: built by SQLAlchemy once per shape, sent by the driver itself.

A row and its events are one statement, so that neither can be there without the other. One event
travels as plain values, several as one array per column.
"""

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
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from onefunnel.outbox.table import OUTBOX

Types = Mapping[str, TypeEngine[Any]]
Processor = Callable[[Any], Any]

SENT: Final[dict[str, TypeEngine[Any]]] = {
    "event_id": Uuid(),
    "key": Uuid(),
    "topic": Text(),
    "partition": SmallInteger(),
    "record": LargeBinary(),
}
_DIALECT: Final[Dialect] = postgresql.asyncpg.dialect(  # type: ignore[no-untyped-call]
    json_serializer=lambda value: orjson.dumps(value).decode()
)


class Compiled(NamedTuple):
    """A statement as the driver takes it."""

    sql: str
    places: Sequence[tuple[str, Processor | None]]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of their places in the text."""
        return [
            values[name] if process is None else process(values[name])
            for name, process in self.places
        ]


class Shape(NamedTuple):
    """What a save writes: one statement for each."""

    table: Table
    names: tuple[str, ...]
    new: bool
    sent: int  # how many events, counted up to 2
    beside: Table | None = None
    beside_names: tuple[str, ...] = ()
    told: int = 0  # how many rows beside, counted up to 2


@lru_cache(maxsize=256)
def statement_of(shape: Shape) -> Compiled:
    """Return the statement of a shape, built once per process; it answers with how many rows it wrote."""
    table = shape.table
    values = {name: bindparam(f"v_{name}", type_=table.c[name].type) for name in shape.names}
    write = _insertion(table, values) if shape.new else _change(table, values)
    written = write.returning(table.c.tenant_id).cte("upd")
    statement = select(func.count()).select_from(written)
    if shape.sent:
        sent = _to_outbox(written.c.tenant_id, written, one=shape.sent == 1)
        statement = statement.add_cte(sent.cte("sent"))
    if shape.beside is not None and shape.told:
        types = {name: shape.beside.c[name].type for name in shape.beside_names}
        told = _chosen("b", types, [], written, one=shape.told == 1)
        rows = insert(shape.beside).from_select(list(types), told)
        statement = statement.add_cte(rows.cte("told"))
    return _compiled(statement)


def travelling(
    prefix: str, columns: Mapping[str, Sequence[object]], *, one: bool
) -> dict[str, object]:
    """Return columns under the names that their statement gives them."""
    return {f"{prefix}_{name}": values[0] if one else values for name, values in columns.items()}


def _to_outbox(tenant: Any, written: FromClause | None, *, one: bool) -> Any:
    """Insert into the outbox in the order given.

    The rows come from the aggregate's own write, so their ids are taken while its lock is held:
    for one aggregate, id order is sequence order is commit order.
    """
    rows = _chosen("r", SENT, [tenant], written, one=one)
    return insert(OUTBOX).from_select(["tenant_id", *SENT], rows)


def _chosen(
    prefix: str, types: Types, first: Sequence[Any], written: FromClause | None, *, one: bool
) -> Any:
    """Select rows that travel with a write, if the write took place."""
    if one and written is not None:
        values = [bindparam(f"{prefix}_{name}", type_=type_) for name, type_ in types.items()]
        return select(*first, *values).select_from(written)
    arrays = [bindparam(f"{prefix}_{name}", type_=ARRAY(type_)) for name, type_ in types.items()]
    columns = [column(name, type_) for name, type_ in types.items()]
    numbered = func.unnest(*arrays).table_valued(*columns, with_ordinality="n")
    rows = numbered.render_derived(name=prefix)
    chosen = select(*first, *(rows.c[name] for name in types)).select_from(rows)
    if written is not None:
        chosen = chosen.join_from(rows, written, onclause=true())
    return chosen.order_by(rows.c.n)


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


def _compiled(statement: ClauseElement) -> Compiled:
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    assert names is not None
    types = {bind.key: bind.type for bind in compiled.binds.values()}
    return Compiled(compiled.string, [(name, _processor(types[name])) for name in names])


def _processor(type_: TypeEngine[Any]) -> Processor | None:
    """Return what turns a value into the driver's, None where it is the driver's already."""
    if not isinstance(type_, ARRAY):
        return type_.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    process = _processor(type_.item_type)
    if process is None:
        return None
    return lambda values: [process(value) for value in values]


APPEND: Final = _compiled(
    _to_outbox(literal_column("current_setting('app.tenant')::uuid", Uuid()), None, one=False)
)
