"""Work that is done together for all who ask at about the same time.

A turn takes whatever came while the turn before it was under way: nobody waits for company, and under load
many share one transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from onefunnel.errors import DomainError

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")

Work = Callable[[Key, Sequence[Item]], Awaitable[Sequence[Result | Exception]]]


class Gathered(Generic[Key, Item, Result]):
    """Does `work` turn by turn: of one key one at a time, and at most `most` items in one.

    Work answers each item with its result or its refusal. Where it fails as a whole, each item is tried
    alone, so that nobody fails for somebody else's; but a database that is away is not asked again.
    """

    def __init__(self, work: Work[Key, Item, Result], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: dict[Key, list[tuple[Item, asyncio.Future[Result]]]] = {}
        self._turns: set[asyncio.Task[None]] = set()

    async def __call__(self, key: Key, item: Item) -> Result:
        """Return the result of an item, or raise its refusal; who is cancelled meanwhile only stops waiting."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        if (waiting := self._waiting.get(key)) is not None:
            waiting.append((item, future))
        else:
            self._waiting[key] = [(item, future)]
            # In a context of its own: a turn belongs to no request.
            turns = asyncio.create_task(self._all_turns(key), context=Context())
            self._turns.add(turns)
            turns.add_done_callback(self._turns.discard)
        return await future

    async def _all_turns(self, key: Key) -> None:
        waiting = self._waiting[key]
        while waiting:
            now, waiting[:] = waiting[: self._most], waiting[self._most :]
            await self._turn(key, now)
        del self._waiting[key]

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
