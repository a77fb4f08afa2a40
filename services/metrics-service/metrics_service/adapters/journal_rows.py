"""The journal: one of three places that speak to the driver directly (ADR 0010).

`COPY` takes a turn's events in one message at a third of the cost of an array insert. It relies on
the partition's lock: nobody else can have written these events. Were that ever untrue, the primary
key makes `COPY` fail and `insert_slowly` takes its place, event by event of which is new.
"""

from collections.abc import AsyncIterator, Sequence
from struct import Struct
from typing import Final
from uuid import UUID

from metrics_service.adapters.arrays import array
from metrics_service.adapters.driver import Driver, Undo, savepoint
from metrics_service.application.fold_codes import TOPIC_CODE
from metrics_service.application.fold_routes import Incoming
from onefunnel.persistence.copying import copied
from onefunnel.persistence.database import ANSWER_TIMEOUT_S

_COLUMNS: Final = (
    "position", "occurred_at", "recorded_at", "aggregate_seq", "topic_code", "partition",
    "aggregate_code", "type_code", "event_id", "tenant_id", "aggregate_id", "record",
)  # fmt: skip

_RECORDS: Final = "SELECT event_id, record FROM journal WHERE event_id = ANY($1::text::uuid[])"

_CHUNK: Final = 200

# The constraint is named, so that a conflict of sequences still raises.
_SLOWLY: Final = f"""
    INSERT INTO journal ({", ".join(_COLUMNS)})
    SELECT * FROM unnest(
        $1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::smallint[],
        $6::smallint[], $7::smallint[], $8::smallint[], $9::uuid[], $10::uuid[], $11::uuid[],
        $12::bytea[])
    ON CONFLICT ON CONSTRAINT journal_pkey DO NOTHING
    RETURNING event_id"""


def _row(incoming: Incoming) -> tuple[object, ...]:
    route, (topic, number) = incoming.route, incoming.partition
    return (
        incoming.position, incoming.occurred_at, incoming.recorded_at, incoming.sequence,
        TOPIC_CODE[topic], number, route.aggregate_code, route.type_code,
        incoming.event_id, incoming.tenant_id, incoming.id, incoming.record,
    )  # fmt: skip


async def records(driver: Driver, ids: Sequence[UUID]) -> dict[int, list[bytes]]:
    """Return the bytes that the journal has under each event id, by its number."""
    rows = await driver.fetch(_RECORDS, array("uuid", ids)) if ids else ()
    return {event_id.int: [record] for event_id, record in rows}


# The binary form of COPY, packed by hand: one `pack` per row instead of twelve encoders (ADR 0013).
_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL: Final = b"\xff\xff"
_ORDERED: Final = Struct("!h iq iq iq ii ih ih ih ih i16s i16s i16s i".replace(" ", ""))
_UNORDERED: Final = Struct("!h iq iq iq i ih ih ih ih i16s i16s i16s i".replace(" ", ""))
_EPOCH_US: Final = 946_684_800_000_000  # PostgreSQL counts from the year 2000
_NULL: Final = -1


def _packed(incoming: Incoming) -> bytes:
    route, record = incoming.route, incoming.record
    topic, number = incoming.partition
    # Exact: a double holds whole microseconds far beyond the year 9999.
    occurred = round(incoming.occurred_at.timestamp() * 1_000_000) - _EPOCH_US
    recorded = round(incoming.recorded_at.timestamp() * 1_000_000) - _EPOCH_US
    codes = (
        2, TOPIC_CODE[topic], 2, number, 2, route.aggregate_code, 2, route.type_code,
        16, incoming.number.to_bytes(16), 16, incoming.tenant_id.int.to_bytes(16),
        16, incoming.key[1].to_bytes(16), len(record),
    )  # fmt: skip
    times = (12, 8, incoming.position, 8, occurred, 8, recorded)
    if incoming.sequence is None:
        return _UNORDERED.pack(*times, _NULL, *codes)
    return _ORDERED.pack(*times, 4, incoming.sequence, *codes)


async def copy(driver: Driver, events: Sequence[Incoming]) -> None:
    """Append events that nobody has written yet; raises `UniqueViolationError` where somebody has."""

    async def packed() -> AsyncIterator[bytes]:
        yield _HEAD
        for start in range(0, len(events), _CHUNK):
            yield b"".join(
                part for i in events[start : start + _CHUNK] for part in (_packed(i), i.record)
            )
        yield _TAIL

    copying = driver.copy_to_table(
        "journal", schema_name="public", columns=_COLUMNS, source=packed(), format="binary"
    )
    await copied(driver, copying, within_s=ANSWER_TIMEOUT_S)


async def insert_slowly(driver: Driver, events: Sequence[Incoming]) -> list[UUID]:
    """Append events unless the journal has some already: then append none, and return those.

    Raises where a sequence is taken by an event with another id.
    """
    held: list[UUID] = []
    async with savepoint(driver):
        rows = await driver.fetch(_SLOWLY, *zip(*map(_row, events), strict=True))
        new = {row["event_id"] for row in rows}
        held = [i.event_id for i in events if i.event_id not in new]
        if held:
            raise Undo
    return held
