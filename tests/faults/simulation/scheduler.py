"""The stepping scheduler: one operation in flight; which is next, and what goes wrong with it, the seed says."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol, TypeVar

import asyncpg

from .loop import SimLoop
from .operation import Actor, Operation, Verdict

T = TypeVar("T")

STEP_S = 0.004  # of simulated time
PATIENCE = 1_500  # glances at what is blocked, before it is called stuck
_STANDING = """
    SELECT pid, cardinality(pg_blocking_pids(pid)) > 0
    FROM unnest($1::int[]) AS asked (id), pg_stat_get_activity(id)"""


class Stuck(AssertionError):
    """Nobody can go on: work that is there will never be done."""


class Chances(Protocol):
    """Where faults come from."""

    def verdict(self, operation: Operation) -> Verdict:
        """Say what is to go wrong with an operation."""
        ...

    async def between(self) -> None:
        """Do something to the world between two operations, or nothing."""
        ...


class Scheduler:
    """Lets operations through, one at a time, and knows at every moment who waits for what."""

    def __init__(self, seed: int, watch: asyncpg.Connection) -> None:
        self.chance = Random(seed)
        self.trace: list[str] = []
        self.reached: Counter[str] = Counter()  # rare states
        self.over = False
        self.crashed: list[Actor] = []  # to be started again
        self.after: Callable[[Operation], Awaitable[None]] | None = None  # looks at what was done
        self._waiting: list[Operation] = []
        self._blocked: list[Operation] = []
        self._leaving: set[int] = set()  # processes of the server whose connection was cut
        self._watch = watch
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        self._loop = loop

    # What actors call.

    async def step(
        self, operation: Operation, run: Callable[[], Awaitable[T]], cut: Callable[[], None]
    ) -> T:
        """Carry an operation out when its turn comes, in the way that its verdict says."""
        verdict = await self._its_turn(operation)
        if verdict in {"error before", "cancel", "refused"}:
            operation.finished.set_result(None)
            await operation.landed
            if verdict == "error before":
                self._cut(operation, cut)
                raise asyncpg.ConnectionDoesNotExistError("planted: before")
            if verdict == "refused":
                raise asyncpg.SerializationError("planted")
            await _cancel_this_task()
        try:
            if verdict == "duplicate":
                await run()
            operation.result = result = await self._ran(run)
            return result
        finally:
            if not operation.finished.done():
                operation.finished.set_result(None)
            await operation.landed
            if verdict == "error after":
                self._cut(operation, cut)
                raise asyncpg.ConnectionDoesNotExistError("planted: after")

    async def _its_turn(self, operation: Operation) -> Verdict:
        if self.over:
            raise asyncpg.ConnectionDoesNotExistError("the simulation is over")
        if not operation.actor.alive:
            await asyncio.Future()  # a timer woke what was killed: it does nothing more
        self._waiting.append(operation)
        try:
            return await operation.granted
        except asyncio.CancelledError:
            if operation in self._waiting:
                self._waiting.remove(operation)
            raise

    async def _ran(self, run: Callable[[], Awaitable[T]]) -> T:
        try:
            return await run()
        except asyncpg.DeadlockDetectedError:
            self.reached["deadlock"] += 1
            raise

    def _cut(self, operation: Operation, cut: Callable[[], None]) -> None:
        cut()
        if operation.pid:
            self._leaving.add(operation.pid)

    # What the simulation calls.

    async def go_on(self, chances: Chances) -> bool:
        """Let one operation through; say whether there was one. Without any the time moves on."""
        await self._loop.quiet()
        self._loop.pass_time(STEP_S)
        await self._land_what_is_free()
        choice = self._choice()
        if choice is None:
            return await self._nobody()
        self._waiting.remove(choice)
        verdict = chances.verdict(choice)
        self.trace.append(f"{choice}" + (f"  [{verdict}]" if verdict != "fine" else ""))
        if verdict == "crash before":
            self.crash(choice.actor)
        else:
            choice.granted.set_result(verdict)
            await self._until_finished_or_blocked(choice)
            if choice.finished.done():
                await self._done(choice, crash=verdict == "crash after")
            else:
                self.reached["waited for a lock"] += 1
                self._blocked.append(choice)
        await chances.between()
        return True

    def crash(self, actor: Actor) -> None:
        """End an actor as kill -9 does: none of its code runs again, its connections are gone."""
        actor.alive = False
        self.crashed.append(actor)
        for connection in actor.connections:
            if connection is not None and not connection.is_closed():
                self._leaving.add(connection.get_server_pid())
                connection.terminate()
        self._waiting = [one for one in self._waiting if one.actor is not actor]
        self._blocked = [one for one in self._blocked if one.actor is not actor]
        self.reached["crash"] += 1

    def workers(self) -> list[Actor]:
        """Return the relays and folds that wait for their turn now."""
        found = {o.actor for o in self._waiting if not o.actor.name.startswith("writer")}
        return sorted(found, key=lambda actor: actor.name)

    async def quiet(self) -> None:
        """Return when nobody can go on by himself."""
        await self._loop.quiet()

    def end(self) -> Sequence[Operation]:
        """Let nothing more through; return what is still with the server."""
        self.over = True
        return self._blocked

    def _choice(self) -> Operation | None:
        for actor in {one.actor for one in self._waiting}:
            actor.frozen_for = max(0, actor.frozen_for - 1)
        able = sorted((o for o in self._waiting if not o.actor.frozen_for), key=lambda o: o.name)
        return self.chance.choice(able) if able else None

    async def _nobody(self) -> bool:
        """Nobody waits at the gate: let a lock be given, a frozen actor thaw, or the time move on."""
        frozen = sorted({o.actor for o in self._waiting}, key=lambda actor: actor.name)
        if self._blocked and not frozen:
            await self._until_one_is_free()
        elif frozen:  # it is thawed by time; meanwhile the server ends its idle transactions
            for actor in frozen:
                actor.frozen_for = max(0, actor.frozen_for - 10)
            if self._blocked:
                await self._end_idle_transactions(frozen)
        elif not self._loop.to_next_timer():
            raise Stuck("nobody waits for anything")
        return False

    async def _end_idle_transactions(self, frozen: list[Actor]) -> None:
        """Do to frozen processes what idle_in_transaction_session_timeout does after its seconds."""
        for actor in frozen:
            for connection in actor.connections:
                if connection is None or connection.is_closed():
                    continue
                if connection.is_in_transaction():
                    self.reached["idle transaction ended"] += 1
                    await self._watch.execute(
                        "SELECT pg_terminate_backend($1)", connection.get_server_pid()
                    )
                    while not connection.is_closed():
                        await asyncio.sleep(0)
        await self._until_one_is_free()

    async def _done(self, operation: Operation, *, crash: bool) -> None:
        if self.after:
            await self.after(operation)
        if crash:
            self.crash(operation.actor)
        else:
            operation.landed.set_result(None)
            await self._loop.quiet()
        await self._servers_have_noticed()

    async def _until_finished_or_blocked(self, operation: Operation) -> None:
        while not operation.finished.done():
            glance = self._loop.glance()
            await asyncio.wait([operation.finished, glance], return_when=asyncio.FIRST_COMPLETED)
            if operation.pid and not operation.finished.done():
                standing = await self._standing([operation.pid])
                if standing.get(operation.pid):
                    return

    async def _standing(self, pids: list[int]) -> dict[int, bool]:
        """Return which of the server's processes are there, and whether each waits for a lock."""
        return {row[0]: row[1] for row in await self._watch.fetch(_STANDING, pids)}

    async def _servers_have_noticed(self) -> None:
        """Wait until processes whose connection was cut have ended, or wait for a lock before they can."""
        while self._leaving:
            standing = await self._standing(list(self._leaving))
            self._leaving &= standing.keys()
            if all(standing.values()):
                return

    async def _land_what_is_free(self) -> None:
        """Land, in order, what waited for a lock and has it now."""
        await self._servers_have_noticed()
        while self._blocked:
            standing = await self._standing([o.pid for o in self._blocked if o.pid])
            await self._loop.quiet()
            settled = [o for o in self._blocked if o.finished.done() or standing.get(o.pid or 0)]
            if len(settled) < len(self._blocked):
                await self._loop.glance()
                continue
            free = sorted((o for o in self._blocked if o.finished.done()), key=lambda o: o.name)
            self._blocked = [o for o in self._blocked if not o.finished.done()]
            for one in free:
                self.trace.append(f"{one.actor.name}/{one.connection} has its lock")
                await self._done(one, crash=False)
            return

    async def _until_one_is_free(self) -> None:
        for _ in range(PATIENCE):
            if any(o.finished.done() for o in self._blocked):
                return
            await self._loop.glance()
        raise Stuck(f"for ever behind a lock: {[str(o) for o in self._blocked]}")


async def _cancel_this_task() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)
