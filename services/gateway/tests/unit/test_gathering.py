"""Work done together: everybody gets their own answer, whoever they were together with."""

import asyncio

import pytest

from gateway.application.gathering import Gathered
from onefunnel.persistence.database import StorageUnavailable


class Work:
    """Doubles numbers, turn by turn; a turn ends when it is let go."""

    def __init__(self, *, broken_by: int | None = None):
        self.turns: list[tuple[str, list[int]]] = []
        self.under_way: list[str] = []
        self.go = asyncio.Semaphore(0)
        self.broken_by = broken_by

    async def __call__(self, key, items):
        assert self.under_way.count(key) < 2
        self.under_way.append(key)
        self.turns.append((key, list(items)))
        await self.go.acquire()
        self.under_way.remove(key)
        if self.broken_by in items:
            raise ZeroDivisionError
        return [ValueError("odd") if item % 2 else item * 2 for item in items]

    def let_go(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.go.release()


def asking(gathered, *items, key="a"):
    return [asyncio.create_task(gathered(key, item)) for item in items]


async def begun(work, turns):
    async with asyncio.timeout(10):
        while len(work.turns) < turns:
            await asyncio.sleep(0)


async def test_what_comes_while_two_turns_are_under_way_shares_the_next_in_its_order():
    gathered = Gathered(work := Work(), 3)
    first = asking(gathered, 0)
    await begun(work, 1)
    second = asking(gathered, 2)
    await begun(work, 2)
    more = asking(gathered, 4, 6, 8, 10)
    work.let_go(4)
    assert await asyncio.gather(*first, *second, *more) == [0, 4, 8, 12, 16, 20]
    assert work.turns == [("a", [0]), ("a", [2]), ("a", [4, 6, 8]), ("a", [10])]
    again = asking(gathered, 12)
    work.let_go()
    assert await again[0] == 24


async def test_keys_do_not_wait_for_each_other():
    gathered = Gathered(work := Work(), 3)
    tasks = asking(gathered, 0) + asking(gathered, 2, key="b")
    await begun(work, 2)
    assert sorted(work.under_way) == ["a", "b"]
    work.let_go(2)
    assert await asyncio.gather(*tasks) == [0, 4]


async def test_a_refusal_is_its_own_items_only():
    gathered = Gathered(work := Work(), 3)
    work.let_go(2)
    answers = await asyncio.gather(*asking(gathered, 2, 3, 4), return_exceptions=True)
    assert answers[0] == 4
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 8


async def test_where_all_fails_each_is_tried_alone():
    gathered = Gathered(work := Work(broken_by=4), 3)
    first = asking(gathered, 0)
    await begun(work, 1)
    rest = asking(gathered, 2, 4, 6)
    work.let_go(5)
    answers = await asyncio.gather(*first, *rest, return_exceptions=True)
    assert answers[:2] == [0, 4]
    assert isinstance(answers[2], ZeroDivisionError)
    assert answers[3] == 12


async def test_a_database_that_is_away_is_asked_once_for_all():
    turns = []

    async def work(_key, items):
        turns.append(list(items))
        raise StorageUnavailable

    gathered = Gathered(work, 8)
    answers = await asyncio.gather(*asking(gathered, 1, 2, 3), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
    assert sum(len(turn) for turn in turns) == 3


async def test_who_stops_waiting_takes_nothing_from_the_others():
    gathered = Gathered(work := Work(), 3)
    first = asking(gathered, 0)
    await begun(work, 1)
    gone, stays = asking(gathered, 2, 4)
    await asyncio.sleep(0)
    gone.cancel()
    work.let_go(2)
    assert await asyncio.gather(first[0], stays) == [0, 8]
    with pytest.raises(asyncio.CancelledError):
        await gone
