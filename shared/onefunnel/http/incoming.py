"""Reading a request's body from the server: with a limit in bytes and one in time."""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from onefunnel.http.problems import Problem

MAX_BODY_BYTES: Final = 1 << 20
MAX_BATCH_BYTES: Final = 5 << 20
BODY_TIMEOUT_S: Final = 10
MAX_LENGTH_DIGITS: Final = 20


async def read_body(receive: Receive, length: str | None, max_bytes: int) -> bytes:
    """Return the whole body; refuse more than `max_bytes`, unread where `length` announces it."""
    if length is not None and length.isdecimal() and _announces(length) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _collected(receive, max_bytes)
    except TimeoutError as error:
        raise Problem("request-timeout", "The body did not arrive in time.") from error
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


async def _collected(receive: Receive, max_bytes: int) -> bytes:
    message = await _next(receive)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    chunks, size, more = [body], len(body), True
    while more and size <= max_bytes:
        message = await _next(receive)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _announces(length: str) -> int:
    return int(length[:MAX_LENGTH_DIGITS])  # of more digits than any body has the first are enough


def _too_large(max_bytes: int) -> Problem:
    return Problem(
        "payload-too-large",
        f"The body is larger than {max_bytes} bytes.",
        headers={"Connection": "close"},
    )
