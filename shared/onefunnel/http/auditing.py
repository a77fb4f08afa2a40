"""The audit of one service, read by the gateway for those who may."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from onefunnel.audit import rows
from onefunnel.audit.entry import Entry
from onefunnel.http.pagination import MAX_LIMIT
from onefunnel.http.principal import Principal
from onefunnel.http.reads import Read, read_dependency
from onefunnel.http.routing import routes
from onefunnel.http.writes import TenantDatabase
from onefunnel.persistence.database import driver_of
from onefunnel.reach import Role

PATH: Final = "/internal/audit"
# Everybody else reads what they did themselves.
READ_ALL: Final[frozenset[Role]] = frozenset({"auditor", "admin"})

_entries = TypeAdapter(list[Entry], config={"ser_json_bytes": "hex"})


def audit_routes(database: TenantDatabase) -> APIRouter:
    """Return the route; the gateway never exposes it."""
    router = routes("internal")
    read_of = read_dependency(database)

    @router.get(PATH)
    async def list_audit(
        read: Annotated[Read, Depends(read_of)],
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT + 1)],
        before: Annotated[UUID | None, Query()] = None,
    ) -> Response:
        """List what was done, newest first: everything, or what the caller did."""
        found = await read(lambda conn: audit_page(conn, read.principal, before, limit))
        return Response(_entries.dump_json(found), media_type="application/json")

    return router


async def audit_page(
    conn: AsyncConnection, principal: Principal, before: UUID | None, limit: int
) -> list[Entry]:
    """Return the newest rows before `before` that the caller may see."""
    only = None if principal.role in READ_ALL else principal.principal_id
    found = await rows.page(
        driver_of(conn), principal.tenant_id, before=before, principal_id=only, limit=limit
    )
    return list(found)
