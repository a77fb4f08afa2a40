"""Planted bugs: each takes one protection away from the process that runs it, and from no product.

Where another protection would hide that, it is taken away too: what is left says which one was meant.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import asyncpg
import pytest

from metrics_service.adapters import fold_turn
from metrics_service.adapters.fold_turn import PostgresTurn
from metrics_service.application import fold_order
from metrics_service.application.fold_ports import Standing
from metrics_service.application.fold_rules import Numbered
from onefunnel.log import ownership, postgres_writer
from onefunnel.log.ownership import Claim
from onefunnel.outbox import relay

from .connection import Stepped
from .scene import Watch

Patch = pytest.MonkeyPatch


async def no_inbox(patch: Patch, watch: Watch) -> None:
    """Every event that comes is new: no look-up, no unique journal."""
    patch.setattr(fold_order.Sequencer, "_is_new", lambda *_: True)
    await watch.metrics.execute(
        "ALTER TABLE journal DROP CONSTRAINT journal_pkey; DROP INDEX journal_sequence"
    )


async def position_before_effect(patch: Patch, _watch: Watch) -> None:
    """Positions move in a transaction before the one with their effect."""
    real = PostgresTurn.lock_partitions

    async def lock(turn: PostgresTurn, claims: Sequence[Claim]) -> None:
        await real(turn, claims)
        turn.claims = claims  # type: ignore[attr-defined]

    async def advance_first(turn: Any, tenants: Any) -> Any:
        if getattr(turn, "claims", None):
            await turn._driver.execute(_MOVE, *_numbers(turn.claims))
            await turn._driver.execute("COMMIT")
            await turn._driver.execute("BEGIN")
        return await real_tenants(turn, tenants)

    real_tenants = PostgresTurn.lock_tenants
    patch.setattr(PostgresTurn, "lock_partitions", lock)
    patch.setattr(PostgresTurn, "lock_tenants", advance_first)


_MOVE: Final = """
UPDATE stream_partition p SET next_position = next_position + 1
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS m (topic, partition, next)
WHERE (p.topic, p.partition, p.next_position) = (m.topic, m.partition, m.next)"""


def _numbers(claims: Sequence[Claim]) -> tuple[list[str], list[int], list[int]]:
    return (
        [c.partition.topic for c in claims],
        [c.partition.number for c in claims],
        [c.next_position for c in claims],
    )


async def cursor_relay(patch: Patch, watch: Watch) -> None:
    """The relay remembers the last id that it has seen, instead of what is unsent."""
    await watch.service.execute(
        "CREATE TABLE seen (id BIGINT); INSERT INTO seen VALUES (0); GRANT ALL ON seen TO PUBLIC"
    )
    patch.setattr(
        relay,
        "_SELECT",
        "SELECT id, topic, partition, key, record FROM outbox WHERE id > (SELECT max(id) FROM seen)"
        " ORDER BY id LIMIT $1",
    )
    patch.setattr(
        relay,
        "_DELETE",
        "WITH sent AS (SELECT unnest($1::bigint[]) AS id),"
        " moved AS (UPDATE seen SET id = (SELECT max(id) FROM sent))"
        " DELETE FROM outbox WHERE id IN (SELECT id FROM sent)",
    )


async def no_fence(patch: Patch, watch: Watch) -> None:
    """A turn commits whatever became of its claims; the inbox, which would absorb it, is gone too."""
    await no_inbox(patch, watch)

    async def lock(*_: Any) -> None:
        pass

    async def advance(driver: Any, group: str, moves: Any) -> Any:
        for move in moves:
            await driver.execute(
                "UPDATE stream_partition SET next_position = $4 WHERE (group_id, topic, partition)"
                " = ($1, $2, $3)",
                group, move.claim.partition.topic, move.claim.partition.number, move.next_position,
            )  # fmt: skip
        return {move.claim.partition: ownership._moved(move) for move in moves}

    patch.setattr(ownership, "lock", lock)
    patch.setattr(ownership, "advance", advance)


async def no_log_fence(patch: Patch, _watch: Watch) -> None:
    """The log takes appends of writers whose epoch is over."""
    real = postgres_writer._APPEND
    patch.setattr(postgres_writer, "_APPEND", real.replace("AND epoch = $2", "AND $2::bigint > 0"))


async def unsorted_locks(patch: Patch, _watch: Watch) -> None:
    """Tenants are locked one by one in any order."""
    real, chance = PostgresTurn.lock_tenants, Random(0)

    async def lock(turn: Any, tenants: Any) -> Any:
        for tenant in chance.sample(list(tenants), len(tenants)):
            await real(turn, {tenant: tenants[tenant]})
        return await real(turn, tenants)

    patch.setattr(PostgresTurn, "lock_tenants", lock)


async def reference_before_lock(patch: Patch, _watch: Watch) -> None:
    """Rules are read before the tenant is locked."""
    real = PostgresTurn.lock_tenants

    async def lock(turn: Any, tenants: Any) -> Any:
        standing = await _unlocked(turn, tenants)
        await real(turn, tenants)
        return standing

    patch.setattr(PostgresTurn, "lock_tenants", lock)


async def _unlocked(turn: Any, tenants: Any) -> Any:
    row = await turn._driver.fetchrow(fold_turn._LIVE)
    turn.generation = f"g{row[0]}"
    rows = await turn._driver.fetch(fold_turn._rules(turn.generation), list(tenants))
    return Standing({r[0]: Numbered(r[1], r[2]) for r in rows}, row[1], row[2])


async def one_tenant(patch: Patch, _watch: Watch) -> None:
    """Differences are added without asking whose they are."""
    real = PostgresTurn.add

    async def add(turn: Any, differences: Any) -> None:
        first = min(differences, default=None)
        for counted in differences.values():
            await real(turn, {first: counted})

    patch.setattr(PostgresTurn, "add", add)


async def told_before_commit(patch: Patch, _watch: Watch) -> None:
    """A client is told before the transaction has ended, and it may still fail."""
    real = Stepped.execute

    async def execute(connection: Any, query: str, *args: Any, **more: Any) -> str:
        if query == "COMMIT" and connection.actor.name.startswith("writer"):
            try:
                return await real(connection, query)
            except asyncpg.PostgresConnectionError:
                return "COMMIT"
        return await real(connection, query, *args, **more)

    patch.setattr(Stepped, "execute", execute)


BUGS: Final[Sequence[Callable[[Patch, Watch], Any]]] = (
    no_inbox, position_before_effect, cursor_relay, no_fence, no_log_fence, unsorted_locks,
    reference_before_lock, one_tenant, told_before_commit,
)  # fmt: skip
