"""Live hints over a real stream of ASGI messages."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from gateway.entrypoints import streams
from gateway.entrypoints.streams import Hints, written
from onefunnel.http.problems import Problem
from onefunnel.ids import new_id

TENANT = new_id()
BEGIN = b"id: 0\nretry: 3000\n\n"


class Standings:
    """What metrics-service would say, and how often it was asked."""

    def __init__(self) -> None:
        self.now = {"funnel": {"as_of": "t0", "lag_events": 0}}
        self.asked: list[object] = []
        self.was_asked = asyncio.Condition()

    async def __call__(self, tenant_id):
        async with self.was_asked:
            self.asked.append(tenant_id)
            self.was_asked.notify_all()
        return dict(self.now)

    async def more(self, times: int) -> None:
        """Wait until it has been asked `times` times more."""
        target = len(self.asked) + times
        async with asyncio.timeout(10), self.was_asked:
            await self.was_asked.wait_for(lambda: len(self.asked) >= target)


@asynccontextmanager
async def opened(hints, tenant=TENANT, **options):
    stream = hints.opened(tenant, **{"resumed": False, **options})
    assert (await anext(stream)) == BEGIN
    yield stream
    await stream.aclose()


async def test_a_projection_that_moves_is_announced_without_data():
    standings = Standings()
    hints = Hints(standings, poll_s=0.001)
    async with opened(hints) as stream:
        await standings.more(2)
        standings.now = {
            "funnel": {"as_of": "t1", "lag_events": 3},
            "sales": {"as_of": "t0", "lag_events": 0},
        }
        events = [await anext(stream), await anext(stream)]
    texts = [event.decode().splitlines() for event in events]
    assert texts[0][0] == "id: 1"
    assert texts[0][1] == "event: projection"
    assert orjson.loads(texts[0][2].removeprefix("data: ")) == {
        "projection": "funnel",
        "as_of": "t1",
        "lag_events": 3,
    }
    assert '"projection":"sales"' in texts[1][2]


async def test_after_a_reconnect_everything_is_to_be_read_again():
    hints = Hints(Standings(), poll_s=0.001)
    async with opened(hints, resumed=True) as stream:
        assert (await anext(stream)).startswith(b"id: 0\nevent: reset\n")


async def test_a_quiet_stream_beats():
    hints = Hints(Standings(), poll_s=0.001)
    async with opened(hints, heartbeat_s=0.001) as stream:
        assert await anext(stream) == b": still here\n\n"
    assert streams.HEARTBEAT_S == 15


async def test_however_many_listen_the_question_is_asked_once():
    standings = Standings()
    hints = Hints(standings, poll_s=1_000)
    async with opened(hints), opened(hints), opened(hints):
        await standings.more(1)
        assert standings.asked == [TENANT]


async def test_nobody_hears_of_another_tenant():
    standings = Standings()
    hints = Hints(standings, poll_s=0.001)
    other = new_id()
    async with opened(hints) as mine, opened(hints, other, heartbeat_s=0.05) as theirs:
        await standings.more(4)
        hints._tell(TENANT, {"projection": "funnel"})
        assert b"projection" in await anext(mine)
        assert await anext(theirs) == b": still here\n\n"


async def test_the_task_ends_with_the_last_listener():
    standings = Standings()
    hints = Hints(standings, poll_s=1_000)
    async with opened(hints):
        task = hints._task
    async with asyncio.timeout(5):
        await task
    assert hints._listeners == {}
    async with opened(hints):  # and starts again with the next one
        assert hints._task is not task


async def test_a_slow_client_is_let_go_and_nobody_waits_for_it():
    hints = Hints(Standings(), poll_s=1_000)
    async with opened(hints) as slow:
        for number in range(streams.MAX_PENDING + 5):
            hints._tell(TENANT, {"n": number})
        assert [event async for event in slow] == []


async def test_before_the_server_stops_everybody_is_told_when_to_come_again():
    hints = Hints(Standings(), poll_s=1_000)
    async with opened(hints) as one, opened(hints, new_id()) as other:
        hints._tell(TENANT, {"n": 1})
        hints.part()
        said = [[event async for event in stream] for stream in (one, other)]
    for last in said:
        assert [line.partition(b": ")[0] for line in last[0].splitlines()] == [
            b"retry", b"id", b"event", b"data", b"",
        ]  # fmt: skip
        assert b"event: bye" in last[0]
        assert 3_000 <= int(last[0].splitlines()[0].partition(b": ")[2]) <= 12_000
    assert [len(last) for last in said] == [1, 1]
    assert hints._listeners == {}


async def test_more_streams_than_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(streams, "MAX_STREAMS_PER_TENANT", 2)
    hints = Hints(Standings(), poll_s=1_000)
    async with opened(hints), opened(hints):
        with pytest.raises(Problem, match="Too many streams"):
            hints.opened(TENANT, resumed=False)
        async with opened(hints, new_id()):
            monkeypatch.setattr(streams, "MAX_STREAMS", 3)
            with pytest.raises(Problem, match="Too many streams"):
                hints.opened(new_id(), resumed=False)


async def test_of_many_that_are_let_in_at_once_no_more_than_the_limit_listen(monkeypatch):
    monkeypatch.setattr(streams, "MAX_STREAMS_PER_TENANT", 2)
    hints = Hints(Standings(), poll_s=1_000)
    many = [hints.opened(TENANT, resumed=False) for _ in range(5)]
    assert [await anext(stream) for stream in many] == [BEGIN] * 5
    assert len(hints._listeners[TENANT]) == 2
    assert [[event async for event in stream] for stream in many[2:]] == [[]] * 3
    for stream in many[:2]:
        await stream.aclose()


def test_an_event_is_three_lines_and_a_blank_one():
    assert written("reset", {}, 0) == b"id: 0\nevent: reset\ndata: {}\n\n"


async def test_the_gateway_streams_what_metrics_service_says(gateway):
    """Through the whole door; a transport of `httpx` would wait for the end of the body."""
    gateway.services.standing = {"as_of": "t0", "lag_events": 1, "other": "never said"}
    sent, gone = asyncio.Queue(), asyncio.Event()

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    key = gateway.keys["manager"].encode()
    headers = [(b"host", b"x"), (b"x-api-key", key), (b"last-event-id", b"7")]
    scope = {
        "type": "http", "method": "GET", "path": "/v1/events", "raw_path": b"/v1/events",
        "query_string": b"", "headers": headers, "root_path": "", "scheme": "http",
        "http_version": "1.1", "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip
    call = asyncio.create_task(gateway.app(scope, receive, sent.put))
    async with asyncio.timeout(20):
        start = await sent.get()
        assert start["status"] == 200
        assert (b"cache-control", b"no-cache") in start["headers"]
        assert (await sent.get())["body"] == BEGIN
        assert b"event: reset" in (await sent.get())["body"]
        await gateway.services.standing_asked.wait()
        gateway.services.standing = {"as_of": "t1", "lag_events": 0, "other": "never said"}
        body = (await sent.get())["body"]
    gone.set()
    await call
    data = orjson.loads(body.split(b"data: ")[1])
    assert data == {"projection": "all", "as_of": "t1", "lag_events": 0}
