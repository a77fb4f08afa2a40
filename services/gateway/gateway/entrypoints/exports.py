"""Tables as CSV, on the same URL: `Accept: text/csv`. The one place where data leaves as a file.

The answer is the caller's own, with the same rights and the same filters; a list is followed to its end
and sent as it comes. A file that could not be finished breaks off: it is never mistaken for a whole one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.application.catalogue import Operation
from gateway.application.exports import TABLES, Table
from gateway.domain.csv_text import line
from onefunnel.clock import Clock
from onefunnel.http.accepting import accept_of, first_of, weight
from onefunnel.http.problems import Problem, invalid_value
from onefunnel.runtime import ServiceResponse

MEDIA: Final = "text/csv"
MAX_AT_ONCE: Final = 8  # in one process
MAX_ROWS: Final = 100_000
PAGE_ROWS: Final = 200
MAX_FILE_S: Final = 600.0  # whoever takes one in slowly keeps others from theirs

_JSON: Final = "application/json"
_PAGING: Final = frozenset({"limit", "cursor"})

_log = structlog.get_logger("gateway.exports")

# Writes down who takes a list along, for good; raises where it cannot.
Witness = Callable[[], Awaitable[None]]
# Asks for one page, as the caller, with a query; returns it as the caller may see it.
Ask = Callable[[str], Awaitable[ServiceResponse]]


class TooManyRows(Exception):
    """A list goes on beyond what one file may hold."""


class Exports:
    """Turns answers into files, a few at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = 0

    def table(self, scope: Scope, operation: Operation) -> Table | None:
        """Return the table that is asked for, None if JSON is; raise `not-acceptable` if there is none."""
        accept = accept_of(scope["headers"])
        if not wanted(accept):
            return None
        table = TABLES.get(operation.operation_id) if operation.method == "GET" else None
        if table is None and not weight(accept, _JSON):
            raise Problem("not-acceptable", "This path answers application/json.")
        return table

    async def answer(
        self, table: Table, ask: Ask, query: str, witness: Witness
    ) -> ASGIApp | ServiceResponse:
        """Return the file, or the service's own answer where it refuses.

        A file that cannot be written down in the audit is not given. Raises `rate-limited` while too many
        files are being made, and refuses `limit` and `cursor`.
        """
        if table.paged and (paging := _PAGING & dict(parse_qsl(query, True)).keys()):
            raise invalid_value(f"/{min(paging)}", "export", "A file holds the whole list.")
        if self._open >= MAX_AT_ONCE:
            raise Problem("rate-limited", "Too many files are being made; ask again in a moment.")
        with ExitStack() as held:
            held.enter_context(self._counted())  # before the first wait: many ask at once
            first = await ask(_paged(table, query, None))
            if first.status != 200:
                return first
            await witness()
            return self._sent(table, ask, query, orjson.loads(first.body), held.pop_all())

    def _sent(
        self, table: Table, ask: Ask, query: str, first: dict[str, Any], held: ExitStack
    ) -> ASGIApp:
        async def send_file(_scope: Scope, _receive: Receive, send: Send) -> None:
            start = {"type": "http.response.start", "status": 200, "headers": self._headers(table)}
            with held:
                async with _in_time(table):
                    await send(start)
                    async for text in _lines(table, ask, query, first):
                        await send(_part(text))
                    await send({"type": "http.response.body", "body": b""})

        return send_file

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def _headers(self, table: Table) -> list[tuple[bytes, bytes]]:
        at = self._clock.now().astimezone(UTC)
        name = f"onefunnel_{table.name}_{_stamp(at)}.csv"
        return [
            (b"content-type", b"text/csv; charset=utf-8; header=present"),
            (b"content-disposition", f'attachment; filename="{name}"'.encode()),
            (b"content-security-policy", b"default-src 'none'; sandbox"),
        ]


@asynccontextmanager
async def _in_time(table: Table) -> AsyncIterator[None]:
    """Break off a file that takes too long, whoever it is that is slow."""
    try:
        async with asyncio.timeout(MAX_FILE_S):
            yield
    except TimeoutError:
        _log.warning("export.too_slow", table=table.name)
        raise


def _part(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


async def _lines(table: Table, ask: Ask, query: str, first: dict[str, Any]) -> AsyncIterator[str]:
    """Yield the file page by page."""
    yield line(table.columns)
    answer, rows = first, 0
    while True:
        found = list(table.lines(answer))
        rows += len(found)
        if rows > MAX_ROWS:
            _log.warning("export.too_long", table=table.name, rows=rows)
            raise TooManyRows
        yield "".join(map(line, found))
        cursor = answer.get("next_cursor") if table.paged else None
        if cursor is None:
            return
        following = await ask(_paged(table, query, cursor))
        if following.status != 200:
            _log.warning("export.broke_off", table=table.name, status=following.status)
            raise TooManyRows
        answer = orjson.loads(following.body)


def wanted(accept: str) -> bool:
    """Say whether a file is asked for: CSV is wanted more than JSON, or as much and named first."""
    file, answer = weight(accept, MEDIA), weight(accept, _JSON)
    return file > answer or (file == answer > 0 and first_of(accept) == MEDIA)


def _paged(table: Table, query: str, cursor: str | None) -> str:
    if not table.paged:
        return query
    paging = {"limit": str(PAGE_ROWS)} | ({} if cursor is None else {"cursor": cursor})
    return "&".join(part for part in (query, urlencode(paging)) if part)


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"
