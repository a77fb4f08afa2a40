"""Work that is done together for all who ask at about the same time.

Nobody waits for company: while a turn can begin, it does. What comes while all turns are under way shares the
next one, so under load many share one transaction. Two turns at once keep the database and us busy.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

from onefunnel.errors import DomainError

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")

Work = Callable[[Key, Sequence[Item]], Awaitable[Sequence[Result | Exception]]]


TURNS: Final = 2


class Gathered(Generic[Key, Item, Result]):
    """Does `work` turn by turn: of one key at most two at once, and at most `most` items in one.

    Work answers each item with its result or its refusal. Where it fails as a whole, each item is tried
    alone, so that nobody fails for somebody else's; but a database that is away is not asked again.
    """

    def __init__(self, work: Work[Key, Item, Result], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: dict[Key, list[tuple[Item, asyncio.Future[Result]]]] = {}
        self._begun: Counter[Key] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, key: Key, item: Item) -> Result:
        """Return the result of an item, or raise its refusal; who is cancelled meanwhile only stops waiting."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((item, future))
        if self._begun[key] < TURNS:
            self._begun[key] += 1
            # In a context of its own: a turn belongs to no request.
            task = asyncio.create_task(self._turn_by_turn(key), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _turn_by_turn(self, key: Key) -> None:
        while waiting := self._waiting.get(key):
            now, waiting[:] = waiting[: self._most], waiting[self._most :]
            await self._turn(key, now)
        self._begun[key] -= 1
        if not self._begun[key]:
            del self._begun[key], self._waiting[key]

    async def _turn(self, key: Key, now: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._work(key, [item for item, _ in now])
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            if len(now) > 1 and not isinstance(error, DomainError):
                for one in now:
                    await self._turn(key, [one])
                return
            results = [error] * len(now)
        for (_, future), result in zip(now, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
