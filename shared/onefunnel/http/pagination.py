"""Pages by key: a cursor is the sort key of the last row, signed and bound to its question.

A cursor of another caller, path or filter, a forged or an old one is `validation-failed` at
`/cursor`: there is no way to tell them apart from outside.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel

from onefunnel.clock import Clock
from onefunnel.http.principal import CurrentPrincipal
from onefunnel.http.problems import Problem, invalid_value

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
CURSOR_AGE_S: Final = 7 * 24 * 3600
MAX_CURSOR: Final = 1024

# What a sort key is made of; times travel as ISO text.
KeyPart = str | int | None
Row = TypeVar("Row")

_MAC_BYTES: Final = 16


class ListOf(BaseModel, Generic[Row]):
    """One page of a list."""

    items: list[Row]
    next_cursor: str | None


def list_of(item: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe a page for the OpenAPI document: `responses=list_of(LeadView)`."""
    model: Any = ListOf.__class_getitem__(item)
    return {200: {"model": model, "description": "One page."}}


@dataclass(frozen=True, slots=True)
class Page:
    """One page that somebody asked for: select `limit + 1` rows after `after`, then `answer`."""

    limit: int
    after: tuple[KeyPart, ...] | None
    _bound_to: bytes
    _key: bytes
    _now_s: int

    def answer(
        self,
        rows: Sequence[Row],
        *,
        key: Callable[[Row], Sequence[KeyPart]],
        item: Callable[[Row], Any] = lambda row: row,
    ) -> dict[str, Any]:
        """Return `{"items", "next_cursor"}`; one row more than `limit` means that there is a next page."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return {
            "items": [item(row) for row in shown],
            "next_cursor": self._cursor(key(shown[-1])) if more else None,
        }

    def _cursor(self, key: Sequence[KeyPart]) -> str:
        content = orjson.dumps([self._now_s, *key])
        return _text(self._mac(content) + content)

    def _mac(self, content: bytes) -> bytes:
        return hmac.new(self._key, self._bound_to + content, sha256).digest()[:_MAC_BYTES]

    def opened(self, cursor: str) -> tuple[KeyPart, ...]:
        """Return the key inside a cursor that we gave out for this very question."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise _bad_cursor() from error
        if _text(raw) != cursor:  # decoding passes over what is no letter of it
            raise _bad_cursor()
        mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(content)):
            raise _bad_cursor()
        made_at, *key = orjson.loads(content)
        if self._now_s - made_at > CURSOR_AGE_S:
            raise _bad_cursor()
        return tuple(key)


async def page(
    request: Request,
    principal: CurrentPrincipal,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows per page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before."),
    ] = None,
) -> Page:
    """Read `limit` and `cursor`; the cursor must belong to this caller, path and filter."""
    clock: Clock = request.app.state.clock
    first = Page(
        limit,
        None,
        _question(request, f"{principal.tenant_id}/{principal.principal_id}"),
        request.app.state.internal_key,
        int(clock.now().timestamp()),
    )
    if cursor is None:
        return first
    return Page(limit, first.opened(cursor), first._bound_to, first._key, first._now_s)  # noqa: SLF001


PageRequest = Annotated[Page, Depends(page)]


def _question(request: Request, caller: str) -> bytes:
    """Everything that decides which rows come in which order; not the size of the page.

    A cursor says where another's list stood, so it is of use to nobody but whom it was given to.
    """
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    filters = sorted(pair for pair in pairs if pair[0] not in {"cursor", "limit"})
    text = "\x1f".join(("cursor", caller, request.scope["path"], urlencode(filters), ""))
    return text.encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bad_cursor() -> Problem:
    return invalid_value(
        "/cursor", "cursor", "This cursor does not belong to this question; start without one."
    )
