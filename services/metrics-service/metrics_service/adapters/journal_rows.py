"""The journal: one of three places that speak to the driver directly (ADR 0010).

`COPY` takes a turn's events in one message at a third of the cost of an array insert. It relies on
the partition's lock: nobody else can have written these events. Were that ever untrue, the primary
key makes `COPY` fail and `insert_slowly` takes its place, event by event of which is new.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver, Undo, savepoint
from metrics_service.application.fold_codes import TOPIC_CODE
from metrics_service.application.fold_routes import Incoming

_COLUMNS: Final = (
    "position", "occurred_at", "recorded_at", "aggregate_seq", "topic_code", "partition",
    "aggregate_code", "type_code", "event_id", "tenant_id", "aggregate_id", "record",
)  # fmt: skip

_RECORDS: Final = "SELECT event_id, record FROM journal WHERE event_id = ANY($1)"

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
    route, spot = incoming.route, incoming.spot
    return (
        spot.position, incoming.occurred_at, incoming.recorded_at, incoming.sequence,
        TOPIC_CODE[spot.topic], spot.partition, route.aggregate_code, route.type_code,
        incoming.event_id, incoming.tenant_id, incoming.id, incoming.record,
    )  # fmt: skip


async def records(driver: Driver, ids: Collection[UUID]) -> dict[UUID, list[bytes]]:
    """Return the bytes that the journal has under each event id."""
    rows = await driver.fetch(_RECORDS, ids) if ids else ()
    return {event_id: [record] for event_id, record in rows}


async def copy(driver: Driver, events: Iterable[Incoming]) -> None:
    """Append events that nobody has written yet; raises `UniqueViolationError` where somebody has."""
    await driver.copy_records_to_table(
        "journal", schema_name="public", columns=_COLUMNS, records=map(_row, events)
    )


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
