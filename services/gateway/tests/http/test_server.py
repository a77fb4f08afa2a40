"""Behind the server that really listens: what reaches us of requests that are no good HTTP."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import uvicorn

from onefunnel.http import incoming
from onefunnel.http import listening as bounds
from onefunnel.http.listening import BoundedHttp, Server


@asynccontextmanager
async def listening(app, path):
    config = uvicorn.Config(
        app, uds=str(path), http=BoundedHttp, ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False,
    )  # fmt: skip
    server = Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def server(gateway, tmp_path):
    async with listening(gateway.app, tmp_path / "s"):
        yield tmp_path / "s"


async def exchanged(path, *parts: bytes) -> bytes:
    """Send bytes, and read until the server has said enough or hung up."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read(65_536)
    finally:
        writer.close()
        await writer.wait_closed()


def post(key: str, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST /v1/leads HTTP/{version}", f"X-API-Key: {key}", *headers]
    return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()


BODY = b'{"source":"web"}'


async def still_serves(path, key: str) -> None:
    good = await exchanged(path, post(key, "Host: x", f"Content-Length: {len(BODY)}") + BODY)
    assert good.startswith(b"HTTP/1.1 201"), good


async def test_a_length_and_a_transfer_encoding_contradict_each_other(gateway, server):
    key = gateway.keys["rep"]
    smuggled = b"0\r\n\r\nGET /v1/keys HTTP/1.1\r\nHost: x\r\n\r\n"
    head = post(key, "Host: x", "Content-Length: 4", "Transfer-Encoding: chunked")
    reader, writer = await asyncio.open_unix_connection(server)
    writer.write(head + smuggled)
    async with asyncio.timeout(20):
        answer = await reader.read()  # to its end: the connection is closed
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer
    assert gateway.services.seen == []
    await still_serves(server, key)


async def test_a_body_that_does_not_come_is_not_waited_for(gateway, server, monkeypatch):
    monkeypatch.setattr(incoming, "BODY_TIMEOUT_S", 0.05)
    key = gateway.keys["rep"]
    answer = await exchanged(server, post(key, "Host: x", "Content-Length: 16"), b'{"s')
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert b"request-timeout" in answer
    assert gateway.services.seen == []
    await still_serves(server, key)


async def test_a_body_longer_than_announced_is_another_request_and_no_good_one(gateway, server):
    key = gateway.keys["rep"]
    head = post(key, "Host: x", f"Content-Length: {len(BODY)}")
    reader, writer = await asyncio.open_unix_connection(server)
    writer.write(head + BODY + b"more\r\n\r\n")
    async with asyncio.timeout(20):
        answer = await reader.read()  # to its end: the connection is closed
    writer.close()
    assert answer.startswith(b"HTTP/1.1 201"), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(gateway.services.seen) == 1
    await still_serves(server, key)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_request_without_a_host_is_refused(gateway, server, version):
    key = gateway.keys["rep"]
    head = post(key, f"Content-Length: {len(BODY)}", version=version)
    answer = await exchanged(server, head + BODY)
    assert b" 400 " in answer.splitlines()[0]
    assert b"malformed-request" in answer
    assert gateway.services.seen == []
    await still_serves(server, key)


async def test_an_expectation_we_do_not_know_does_not_hang(gateway, server):
    key = gateway.keys["rep"]
    head = post(key, "Host: x", "Expect: 200-ok", f"Content-Length: {len(BODY)}")
    answer = await exchanged(server, head + BODY)
    assert answer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 417")), answer
    await still_serves(server, key)


async def test_a_chunked_body_over_the_limit_is_cut_off(gateway, server):
    key = gateway.keys["rep"]
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = post(key, "Host: x", "Transfer-Encoding: chunked")
    answer = await exchanged(server, head, *([chunk] * 17))
    assert answer.startswith(b"HTTP/1.1 413"), answer
    assert gateway.services.seen == []
    await still_serves(server, key)


@pytest.mark.parametrize("line", ["X-A: a\rb", "X-A: a\0b", "X A: b", ": b"])
async def test_a_malformed_header_is_refused(gateway, server, line):
    key = gateway.keys["rep"]
    head = post(key, "Host: x", line, f"Content-Length: {len(BODY)}")
    answer = await exchanged(server, head + BODY)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert gateway.services.seen == []
    await still_serves(server, key)


@pytest.mark.parametrize(
    ("line", "code"),
    [("X-Long: " + "x" * 20_480, "headers-too-large"),
     ("\r\n".join(["X-Many: x"] * 200), "headers-too-large")],
)  # fmt: skip
async def test_headers_beyond_the_limit_are_refused(gateway, server, line, code):
    key = gateway.keys["rep"]
    answer = await exchanged(server, post(key, "Host: x", line, "Content-Length: 2") + b"{}")
    assert answer.startswith(b"HTTP/1.1 431"), answer
    assert f'"code":"{code}"'.encode() in answer
    assert gateway.services.seen == []
    await still_serves(server, key)


async def test_a_url_beyond_the_limit_is_refused(gateway, server):
    answer = await exchanged(server, b"GET /" + b"x" * 10_240 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 414"), answer
    await still_serves(server, gateway.keys["rep"])


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nX-A: ", b"GET / HTTP/1.1\r\n"])
@pytest.mark.parametrize("more", [b"x" * 1_000, b"X-A: b\r\n" * 100])
async def test_a_head_without_an_end_is_cut_off(gateway, server, begin, more):
    reader, writer = await asyncio.open_unix_connection(server)
    sent = len(begin)
    writer.write(begin)
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            while not reader.at_eof() and sent < 8 << 20:
                writer.write(more)
                sent += len(more)
                await writer.drain()
                await asyncio.sleep(0)
    writer.close()
    assert sent < 8 << 20, "nobody hung up"
    await still_serves(server, gateway.keys["rep"])


@pytest.mark.parametrize("begin", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(
    gateway, server, monkeypatch, begin
):
    monkeypatch.setattr(bounds, "HEAD_TIMEOUT_S", 0.05)
    reader, writer = await asyncio.open_unix_connection(server)
    writer.write(begin)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408") if begin else answer == b"", answer
    await still_serves(server, gateway.keys["rep"])


async def test_one_connection_carries_many_requests_for_longer_than_one_head_may_take(
    gateway, server, monkeypatch
):
    monkeypatch.setattr(bounds, "HEAD_TIMEOUT_S", 0.05)
    good = post(gateway.keys["rep"], "Host: x", f"Content-Length: {len(BODY)}") + BODY
    reader, writer = await asyncio.open_unix_connection(server)
    clock = asyncio.get_running_loop().time
    end, answers = clock() + 0.2, 0
    async with asyncio.timeout(20):
        while clock() < end:
            writer.write(good)
            await reader.readuntil(b'{"id":"x"}')
            answers += 1
    writer.close()
    assert answers == len(gateway.services.seen) > 1


@asynccontextmanager
async def streaming(gateway, path, *headers: bytes):
    """Open the stream of hints, and read its head."""
    reader, writer = await asyncio.open_unix_connection(path)
    key = gateway.keys["rep"].encode()
    lines = [b"GET /v1/events HTTP/1.1", b"Host: x", b"X-API-Key: " + key, *headers]
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
    async with asyncio.timeout(20):
        yield reader, await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def test_a_stream_ends_with_a_goodbye_when_the_server_stops(gateway, tmp_path):
    """Without it the server would wait for the stream, as long as it is allowed to."""
    async with AsyncExitStack() as listens, AsyncExitStack() as streams:
        await listens.enter_async_context(listening(gateway.app, tmp_path / "s"))
        reader, _ = await streams.enter_async_context(streaming(gateway, tmp_path / "s"))
        await reader.readuntil(b"retry: 3000\n\n")
        await listens.aclose()
        assert b"event: bye\ndata: {}\n\n" in await reader.read()


@pytest.mark.parametrize(
    "told",
    [
        [b"canary-5f1e"], [b"-1"], [b"99999999999999999999999"], [b"1.5"], [b""], [b"\xff\xfe"],
        [b"canary-5f1e" * 1_000], [b"1", b"2"],
    ],
)  # fmt: skip
async def test_whatever_a_stream_is_resumed_with_all_is_to_be_read_again(gateway, server, told):
    headers = (b"Last-Event-ID: " + value for value in told)
    async with streaming(gateway, server, *headers) as (reader, head):
        assert head.startswith(b"HTTP/1.1 200")
        said = await reader.readuntil(b"event: reset\ndata: {}\n\n")
        assert b"canary" not in head + said
    await still_serves(server, gateway.keys["rep"])


async def test_a_client_that_goes_away_leaves_nothing_behind(gateway, server):
    key = gateway.keys["rep"]
    _, writer = await asyncio.open_unix_connection(server)
    writer.write(post(key, "Host: x", "Content-Length: 1000") + BODY)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await still_serves(server, key)
    assert len(gateway.services.seen) == 1
