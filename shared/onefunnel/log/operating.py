"""A service's reactions in the hands of an operator: how they stand, their dead letters, their halts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from onefunnel.audit.entry import Marked
from onefunnel.audit.rows import add
from onefunnel.log import dead_letters, halts, redrive
from onefunnel.log.arrivals import Handler
from onefunnel.log.dead_letters import DeadLetter, DeadStatus
from onefunnel.log.halts import Halted
from onefunnel.log.port import Partition
from onefunnel.persistence.database import Database, driver_of


@dataclass(frozen=True, slots=True)
class OperatedReactions:
    """The reactions of one group; `worker` gives the database under the role that sees all tenants.

    `wake` is called when a letter was settled: handlers may have filled the outbox.
    """

    worker: Callable[[], Database]
    group: str
    handlers: Mapping[str, Handler]
    wake: Callable[[], None]

    async def standing(self, tenant_id: UUID) -> Mapping[str, object]:
        """Return which partitions are halted and what of one tenant waits."""
        async with self.worker().transaction() as conn:
            connection = driver_of(conn)
            counts = await dead_letters.count_dead(connection, self.group, tenant_id)
            halted = await halts.halted(connection, self.group)
        return {**counts, "halted": [asdict(one) for one in halted]}

    async def dead_letters(
        self, tenant_id: UUID, status: DeadStatus | None, *, after: int, limit: int
    ) -> Sequence[DeadLetter]:
        """Return the tenant's dead letters behind id `after`, oldest first."""
        async with self.worker().transaction() as conn:
            return await dead_letters.list_dead(
                driver_of(conn), self.group, tenant_id, status, after=after, limit=limit
            )

    async def dead_letter(self, tenant_id: UUID, dead_id: int) -> DeadLetter:
        """Return one, or raise `not-found`."""
        async with self.worker().transaction() as conn:
            return await dead_letters.show_dead(driver_of(conn), self.group, tenant_id, dead_id)

    async def redrive(self, tenant_id: UUID, dead_id: int, by: Marked) -> redrive.Outcome:
        """Apply it as if it came now, and what waited for it."""
        outcome = await redrive.redrive(
            self.worker(), self.group, self.handlers, tenant_id, dead_id, by
        )
        self.wake()
        return outcome

    async def discard(self, tenant_id: UUID, dead_id: int, by: Marked) -> None:
        """Leave it out for good, and apply what waited for it."""
        await redrive.discard(self.worker(), self.group, self.handlers, tenant_id, dead_id, by)
        self.wake()

    async def resume(self, partition: Partition, by: Marked) -> Halted:
        """Let a halted partition be claimed again."""
        async with self.worker().transaction() as conn:
            await add(driver_of(conn), by)
            return await halts.resume(driver_of(conn), self.group, partition)
