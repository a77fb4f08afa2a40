"""Dead events, with their bytes and the reason; and the keys they hold."""

from collections.abc import Sequence
from typing import Final

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_codes import TOPIC_CODE, TOPIC_NAME
from metrics_service.application.fold_order import Dead, Described
from metrics_service.application.fold_routes import Spot

OPEN_DEAD: Final = "SELECT count(*) FROM dead_event WHERE status = 'open'"

_BURY: Final = """
    INSERT INTO dead_event (event_id, tenant_id, aggregate_id, aggregate_seq, aggregate_code,
        topic_code, partition, position, type, reason, detail, record)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING dead_id"""

_HOLD: Final = """
    INSERT INTO key_hold (dead_id, tenant_id, aggregate_id, aggregate_code)
    VALUES ($1, $2, $3, $4)"""

_WAIT_FOR_IT: Final = """
    UPDATE parked_event SET reason = 'held' WHERE aggregate_id = $1 AND aggregate_code = $2"""

# The partition's row first, as everywhere: a fold of the same partition waits, or is waited for.
_PARTITION: Final = """
    SELECT FROM stream_partition p JOIN dead_event d ON d.partition = p.partition
    WHERE p.group_id = $1 AND p.topic = $2 AND d.dead_id = $3 FOR UPDATE OF p"""

_OPEN: Final = """
    SELECT topic_code, partition, position, record, event_id, tenant_id, aggregate_id, aggregate_code,
        aggregate_seq, type, reason, detail
    FROM dead_event WHERE dead_id = $1 AND status = 'open' FOR UPDATE"""

_SETTLE: Final = """
    WITH released AS (DELETE FROM key_hold WHERE dead_id = $1)
    UPDATE dead_event SET status = $2, actor = $3, stepped_over = $4, settled_at = now()
    WHERE dead_id = $1"""

_FAIL: Final = """
    UPDATE dead_event SET attempts = attempts + 1, reason = $2, detail = $3 WHERE dead_id = $1"""


async def bury(driver: Driver, dead: Sequence[Dead]) -> None:
    """Keep dead events, one by one: there are few, and each may hold its key."""
    for one in dead:
        spot, what = one.spot, one.what
        dead_id = await driver.fetchval(
            _BURY, what.event_id, what.tenant_id, what.aggregate_id, what.sequence,
            what.aggregate_code, TOPIC_CODE[spot.topic], spot.partition, spot.position,
            what.type, one.reason, one.detail, one.record,
        )  # fmt: skip
        if one.holds and what.aggregate_id is not None:
            key = (what.aggregate_id, what.aggregate_code)
            await driver.execute(_HOLD, dead_id, what.tenant_id, *key)
            await driver.execute(_WAIT_FOR_IT, *key)


async def open_dead(driver: Driver, group: str, dead_id: int) -> Dead | None:
    """Lock the partition of a dead event, then the event; None unless it is open."""
    code = await driver.fetchval("SELECT topic_code FROM dead_event WHERE dead_id = $1", dead_id)
    if code is None:
        return None
    await driver.execute(_PARTITION, group, TOPIC_NAME[code], dead_id)
    row = await driver.fetchrow(_OPEN, dead_id)
    if row is None:
        return None
    what = Described(
        row["event_id"], row["tenant_id"], row["aggregate_id"], row["aggregate_code"],
        row["aggregate_seq"], row["type"],
    )  # fmt: skip
    spot = Spot(TOPIC_NAME[row["topic_code"]], row["partition"], row["position"])
    return Dead(spot, row["record"], what, row["reason"], row["detail"])


async def settle(
    driver: Driver, dead_id: int, status: str, actor: str, *, stepped_over: bool
) -> None:
    """Close a dead event and let go of its key."""
    await driver.execute(_SETTLE, dead_id, status, actor, stepped_over)


async def fail_again(driver: Driver, dead_id: int, dead: Dead) -> None:
    """Count an attempt, and keep why it failed."""
    await driver.execute(_FAIL, dead_id, dead.reason, dead.detail)
