"""What listens for requests: uvicorn's protocol, and an end to the head of a request, in bytes and in time.

The parser keeps a URL and a header until they are whole, and waits for it as long as the other side likes. So a
head that grows beyond all that we take, or does not come to its end, is answered and its connection closed; what
is no HTTP at all is a problem document too. The body of a request has limits of its own (`incoming`).
"""

import asyncio
import socket
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from onefunnel.http.problems import MEDIA_TYPE, Problem, body_of

# More than the edge takes: what is a little too large hears from there which of its parts it was.
MAX_HEAD_BYTES: Final = 64 * 1024
HEAD_TIMEOUT_S: Final = 10.0  # from the connection, or the first byte of a later request

_AT_STOP: Final = "onefunnel.at_stop"  # in the state of every request

_HEAD: Final = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


class Server(uvicorn.Server):
    """uvicorn's server, which tells answers that have no end when it stops, instead of waiting for them."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._at_stop: set[Callable[[], None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self.lifespan.state[_AT_STOP] = self._at_stop
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, and let what is under way end."""
        for told in self._at_stop:
            told()
        await super().shutdown(sockets)


def at_stop(scope: MutableMapping[str, Any], told: Callable[[], None]) -> None:
    """Have `told` called when the server that a request came through stops; nobody does where there is none."""
    scope.get("state", {}).get(_AT_STOP, set()).add(told)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Wait for the first request."""
        super().connection_made(transport)
        self._number = 0  # of the request whose head is coming, or came last
        self._coming = False
        self._bytes = 0
        self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; count it if it is nothing but a part of a head."""
        before = self._number if self._coming else None
        super().data_received(data)
        if self._coming and self._number == before:
            self._bytes += len(data)
            if self._bytes > MAX_HEAD_BYTES:
                self._refuse(Problem("headers-too-large", "The head of the request is too large."))

    def on_message_begin(self) -> None:
        """Begin to count and to wait."""
        self._number += 1
        self._coming, self._bytes = True, 0
        if self._patience.cancelled():
            self._patience = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have a whole head."""
        self._coming = False
        self._patience.cancel()
        super().on_headers_complete()

    def send_400_response(self, _msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Problem("malformed-request", "This is no HTTP request."))

    def _too_slow(self) -> None:
        if self._coming:
            self._refuse(Problem("request-timeout", "The request did not arrive in time."))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer and hang up. If an earlier request is still being answered, that is the last answer."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        body = orjson.dumps(body_of(problem))
        head = STATUS_LINE[problem.status] + _HEAD % (MEDIA_TYPE.encode(), len(body))
        self.transport.write(head + body)
        self.transport.close()
