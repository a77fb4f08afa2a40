"""A read over HTTP: one transaction that sees the caller's tenant, and an answer with its ETag."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from onefunnel.http.preconditions import etag_of, not_modified
from onefunnel.http.principal import CurrentPrincipal, Principal
from onefunnel.http.writes import TenantDatabase, to_json

T = TypeVar("T")


class Read:
    """Runs one query in the caller's tenant; made per request."""

    def __init__(self, request: Request, principal: Principal, database: TenantDatabase) -> None:
        self.request = request
        self.principal = principal
        self._database = database

    async def __call__(self, query: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return what `query` finds; it sees nothing of any other tenant."""
        async with self._database.tenant(self.principal.tenant_id) as conn:
            return await query(conn)

    def answer(self, body: object, *, etag: int | None = None) -> Response:
        """Answer with `body`, or 304 if the caller has this version already."""
        if etag is None:
            return Response(to_json(body), media_type="application/json")
        tag = etag_of(etag, masked=self.principal.rights.masked)
        if not_modified(self.request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        return Response(to_json(body), media_type="application/json", headers={"ETag": tag})


def read_dependency(
    database: TenantDatabase,
) -> Callable[[Request, Principal], Coroutine[Any, Any, Read]]:
    """Return the dependency that makes a `Read` for each request of one service."""

    async def read(request: Request, principal: CurrentPrincipal) -> Read:
        return Read(request, principal, database)

    return read
