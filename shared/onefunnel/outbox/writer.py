"""State and its events, saved in one statement: neither can be there without the other."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.envelope import Record
from onefunnel.events.topics import TOPICS
from onefunnel.log.partitioner import partition_of
from onefunnel.outbox.statements import APPEND, Shape, statement_of, travelling
from onefunnel.persistence.database import driver_of

_PARTITIONS: Final = {topic.name: topic.partitions for topic in TOPICS}
_SEVERAL: Final = 2


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
    told = beside.rows if beside else ()
    statement = statement_of(
        Shape(
            table=table,
            names=tuple(row),
            new=seen is None,
            sent=min(len(records), _SEVERAL),
            beside=beside.table if beside else None,
            beside_names=tuple(told[0]) if told else (),
            told=min(len(told), _SEVERAL),
        )
    )
    values: dict[str, Any] = {f"v_{name}": value for name, value in row.items()}
    if seen is not None:
        values["seen"] = seen
    if records:
        values |= travelling("r", _columns(records), one=len(records) == 1)
    if told:
        columns = {name: [one[name] for one in told] for name in told[0]}
        values |= travelling("b", columns, one=len(told) == 1)
    if not await driver_of(conn).fetchval(statement.sql, *statement.arguments(values)):
        raise StaleVersion


async def append_only(conn: AsyncConnection, records: Sequence[Record]) -> None:
    """Write events that belong to no aggregate (views, searches): nothing to lock, nothing to number."""
    if records:
        values = travelling("r", _columns(records), one=False)
        await driver_of(conn).execute(APPEND.sql, *APPEND.arguments(values))


def _columns(records: Sequence[Record]) -> dict[str, list[object]]:
    return {
        "event_id": [r.event_id for r in records],
        "key": [r.key for r in records],
        "topic": [r.topic for r in records],
        "partition": [partition_of(r.key, _PARTITIONS[r.topic]) for r in records],
        "record": [r.value for r in records],
    }
