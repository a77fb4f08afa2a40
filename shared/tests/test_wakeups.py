"""Wake-ups reach who waits and who is about to, and never make the sender wait."""

import asyncio
import os

from onefunnel import wakeups
from onefunnel.wakeups import LAST_PAUSE_S, Pace, Wakeups, pipe_wake


async def test_a_wake_up_that_comes_while_the_loop_is_busy_is_not_lost():
    calls = Wakeups()
    listener = calls.listen()
    calls.wake()
    await asyncio.sleep(0)
    assert await listener.wait(60)


async def test_wake_ups_do_not_add_up():
    calls = Wakeups()
    listener = calls.listen()
    for _ in range(3):
        calls.wake()
    assert await listener.wait(60)
    assert not await listener.wait(0)


async def test_every_listener_is_woken():
    calls = Wakeups()
    waits = [asyncio.create_task(calls.listen().wait(60)) for _ in range(3)]
    await asyncio.sleep(0)
    calls.wake()
    assert await asyncio.gather(*waits) == [True] * 3


async def test_a_byte_from_another_process_wakes_and_its_end_does_not_spin():
    reading, writing = os.pipe()
    calls = Wakeups()
    calls.attach(reading)
    listener = calls.listen()
    pipe_wake(writing)()
    assert await listener.wait(60)
    os.close(writing)
    assert await listener.wait(60)  # the end itself is one last wake-up
    assert not await listener.wait(0.02)
    os.close(reading)


async def test_a_full_or_broken_pipe_never_makes_the_sender_wait_or_fail():
    reading, writing = os.pipe()
    wake = pipe_wake(writing)
    for _ in range(70_000):
        wake()
    os.close(reading)
    wake()
    os.close(writing)


def test_pauses_grow_to_a_limit_and_start_over():
    pace = Pace()
    pauses = [pace.pause_s() for _ in range(8)]
    assert pauses[:3] == [wakeups.FIRST_PAUSE_S * n for n in (1, 2, 4)]
    assert pauses[-1] == LAST_PAUSE_S
    pace.reset()
    assert pace.pause_s() == wakeups.FIRST_PAUSE_S
