"""How far the journal is with each tenant: what a tenant is told of its numbers, and nothing of others'."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_codes import TOPIC_CODE
from metrics_service.application.fold_routes import Incoming

# A partition is folded by one worker at a time, so that none waits here for another.
_MOVE: Final = """
    INSERT INTO journal_head (tenant_id, topic_code, partition, recorded_at)
    SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::timestamptz[])
    ON CONFLICT (tenant_id, topic_code, partition) DO UPDATE
    SET recorded_at = greatest(journal_head.recorded_at, excluded.recorded_at)"""

_Head = tuple[UUID, int, int]


async def move(driver: Driver, events: Sequence[Incoming]) -> None:
    """Note that the journal has these events."""
    heads: dict[_Head, datetime] = {}
    for incoming in events:
        topic, number = incoming.partition
        head = (incoming.tenant_id, TOPIC_CODE[topic], number)
        if head not in heads or heads[head] < incoming.recorded_at:
            heads[head] = incoming.recorded_at
    # In one order, whoever comes from the partitions and whoever from the dead letters.
    rows = [(*head, heads[head]) for head in sorted(heads)]
    await driver.execute(_MOVE, *map(list, zip(*rows, strict=True)))
