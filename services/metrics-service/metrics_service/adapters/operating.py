"""The fold in the hands of an operator: its dead letters, and partitions that were halted.

Row level security keeps what is shown to the tenant; settling is a turn of its own, as the fold makes them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Row, text

from metrics_service.adapters.fold_store import PostgresFoldStore
from metrics_service.adapters.fold_turn import GROUP
from metrics_service.application import fold_dead
from metrics_service.application.fold_codes import AGGREGATE_NAME, TOPIC_NAME
from metrics_service.application.fold_ports import FoldStore
from onefunnel.audit.entry import Marked
from onefunnel.audit.rows import add
from onefunnel.errors import not_found
from onefunnel.log import halts
from onefunnel.log.dead_letters import DeadLetter, DeadStatus
from onefunnel.log.halts import Halted
from onefunnel.log.port import Partition
from onefunnel.outbox.lease import new_owner
from onefunnel.persistence.database import Database, driver_of

T = TypeVar("T")

_DEAD: Final = """
    SELECT d.dead_id AS id, d.status, d.reason, d.detail, d.type, d.event_id, d.aggregate_code,
           d.aggregate_id, d.aggregate_seq AS sequence, d.topic_code, d.partition, d.position,
           d.attempts, d.died_at, d.settled_at, d.actor,
           (SELECT count(*) FROM parked_event p WHERE p.aggregate_id = d.aggregate_id
                AND p.aggregate_code = d.aggregate_code)::int AS waiting
    FROM dead_event d WHERE {where} ORDER BY d.dead_id LIMIT :limit"""


class OperatedFold:
    """The fold as an operator reaches it; `worker` is asked for only where something changes."""

    def __init__(self, requests: Database, worker: Callable[[], Database]) -> None:
        self._requests = requests
        self._worker = worker

    async def dead_letters(
        self, tenant_id: UUID, status: DeadStatus | None, *, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """Return the tenant's dead letters behind id `after`, oldest first."""
        conditions, values = ["d.dead_id > :after"], dict[str, Any](after=after, limit=limit)
        if status is not None:
            conditions.append("d.status = :status")
            values["status"] = status
        return await self._read(tenant_id, " AND ".join(conditions), values)

    async def dead_letter(self, tenant_id: UUID, dead_id: int) -> DeadLetter:
        """Return one, or raise `not-found`."""
        found = await self._read(tenant_id, "d.dead_id = :id", {"id": dead_id, "limit": 1})
        if not found:
            raise not_found("dead letter")
        return found[0]

    async def redrive(self, tenant_id: UUID, dead_id: int, by: Marked) -> fold_dead.Outcome:
        """Fold it as if it came now, and what waited for it."""
        await self.dead_letter(tenant_id, dead_id)  # one of another tenant is not found
        return await self._turn(lambda store: fold_dead.redrive(store, dead_id, by))

    async def discard(self, tenant_id: UUID, dead_id: int, by: Marked) -> None:
        """Leave it out for good: its aggregate goes on without it."""
        await self.dead_letter(tenant_id, dead_id)
        await self._turn(lambda store: fold_dead.discard(store, dead_id, by))

    async def resume(self, partition: Partition, by: Marked) -> Halted:
        """Let a halted partition be claimed again."""
        async with self._worker().transaction() as conn:
            await add(driver_of(conn), by)
            return await halts.resume(driver_of(conn), GROUP, partition)

    async def _read(self, tenant_id: UUID, where: str, values: dict[str, Any]) -> list[DeadLetter]:
        async with self._requests.snapshot(tenant_id) as conn:
            found = await conn.execute(text(_DEAD.format(where=where)), values)
            return [_letter(row) for row in found]

    async def _turn(self, settle: Callable[[FoldStore], Awaitable[T]]) -> T:
        store = PostgresFoldStore(self._worker(), new_owner())
        try:
            return await settle(store)
        finally:
            await store.close()


def _letter(row: Row[Any]) -> DeadLetter:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
    code, topic = fields.pop("aggregate_code"), fields.pop("topic_code")
    return DeadLetter(
        **fields,
        topic=TOPIC_NAME[topic],
        aggregate=None if code is None else AGGREGATE_NAME[code],
    )
