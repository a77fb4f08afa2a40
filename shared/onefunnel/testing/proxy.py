"""A TCP proxy on loopback that does to connections what networks do: cut, delay, swallow, cut at a word.

It stands in front of a server (a port, or the path of a Unix socket) and runs in the test's loop.
"""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

Server = str | tuple[str, int]
# The word is sent on and its answer lost, or not sent on at all: nobody at this end can tell which.
Outcome = Literal["done", "undone"]

_CHUNK: Final = 65_536
_FIRST_PORT, _PORTS = 12_000, 8_000  # below the range that the system hands out by itself
_numbers = itertools.count()


def free_port() -> int:
    """Return a free loopback port below the ephemeral range: nothing can connect to itself there."""
    for _ in range(_PORTS):
        port = _FIRST_PORT + (os.getpid() * 37 + next(_numbers)) % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.ends = (client, server)
        self.deaf = False  # what the server says next is lost, and the connection with it
        self.over = asyncio.Event()

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()
        self.over.set()


class Proxy:
    """The proxy; its faults hold until `heal`."""

    def __init__(self, server: Server, port: int) -> None:
        self._server = server
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._never = asyncio.Event()
        self._flows = asyncio.Event()
        self._flows.set()
        self._delay_s = 0.0
        self._strike: tuple[bytes, Outcome] | None = None
        self.refuses = False
        self.struck = 0
        self.passed = 0  # pieces, in both directions
        self.accepted = 0  # connections
        self.port = port

    def cut(self) -> None:
        """Reset every connection there is."""
        for link in tuple(self._links):
            link.cut()

    def swallow(self) -> None:
        """Let no byte through in either direction, and say nothing: a black hole."""
        self._flows.clear()

    def delay(self, seconds: float) -> None:
        """Hold every piece back for a time."""
        self._delay_s = seconds

    def cut_at(self, word: bytes, outcome: Outcome) -> None:
        """Cut the next connection on which the client says a word: before it is sent on, or after."""
        self._strike = (word, outcome)

    def heal(self) -> None:
        """Do nothing any more but pass bytes on."""
        self._strike, self._delay_s, self.refuses = None, 0.0, False
        self._flows.set()

    def accept(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        serving = asyncio.create_task(self._serve(client, back))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def close(self) -> None:
        """End every connection."""
        self.heal()
        self.refuses = True
        self.cut()
        await asyncio.gather(*self._serving)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refuses:
            back.transport.abort()
            return
        try:
            answers, there = await self._connect()
        except OSError:
            back.transport.abort()
            return
        link = _Link(back, there)
        self._links.add(link)
        pumps = [
            asyncio.create_task(self._up(link, client, there)),
            asyncio.create_task(self._down(link, answers, back)),
        ]
        await link.over.wait()
        self._links.discard(link)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, str):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection(*self._server)

    async def _up(
        self, link: _Link, client: asyncio.StreamReader, there: asyncio.StreamWriter
    ) -> None:
        while data := await _read(client):
            await self._passage()
            if self._strike and self._strike[0] in data:
                (_, outcome), self._strike = self._strike, None
                self.struck += 1
                if outcome == "undone":
                    link.cut()
                    return
                link.deaf = True
            await _write(there, data)
        link.cut()

    async def _down(
        self, link: _Link, answers: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        while data := await _read(answers):
            await self._passage()
            if link.deaf:
                break
            await _write(back, data)
        link.cut()

    async def _passage(self) -> None:
        if self._delay_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._delay_s):
                    await self._never.wait()
        await self._flows.wait()
        self.passed += 1


async def _read(end: asyncio.StreamReader) -> bytes:
    """Return what comes next; nothing where the connection has ended, however it did."""
    try:
        return await end.read(_CHUNK)
    except OSError:
        return b""


async def _write(end: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(OSError):  # the reader of the same connection hears of its end
        end.write(data)
        await end.drain()


@asynccontextmanager
async def proxied(server: Server, port: int | None = None) -> AsyncIterator[Proxy]:
    """Run a proxy in front of a server while the block runs, on any port or on one that is known to clients."""
    proxy = Proxy(server, port or free_port())
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.close()
        await listener.wait_closed()
