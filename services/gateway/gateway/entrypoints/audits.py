"""The audits of all services as one: each knows its own, ids are in the order of time."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Final, Literal, get_args
from uuid import UUID

import orjson

from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.schemas_audit import AuditView
from onefunnel.http.auditing import PATH, audit_page
from onefunnel.http.problems import Problem
from onefunnel.http.reads import Read
from onefunnel.runtime import Header, ServiceClient, ServiceUnreachable

Audited = Literal["lead", "scoring", "content", "metrics", "gateway"]
AUDITED: Final[tuple[Audited, ...]] = get_args(Audited)


class Audits:
    """Asks every service for its newest rows and keeps the newest of all."""

    def __init__(self, clients: Callable[[str], ServiceClient], doorkeeper: Doorkeeper) -> None:
        self._clients = clients
        self._doorkeeper = doorkeeper

    async def page(
        self, read: Read, service: Audited | None, before: UUID | None, limit: int
    ) -> list[AuditView]:
        """Return the newest rows before `before`; a service that does not answer is an error."""
        asked = (service,) if service else AUDITED
        found = await asyncio.gather(*(self._of(read, name, before, limit) for name in asked))
        rows = sorted((row for rows in found for row in rows), key=lambda row: row.id, reverse=True)
        return rows[:limit]

    async def _of(
        self, read: Read, service: Audited, before: UUID | None, limit: int
    ) -> list[AuditView]:
        if service == "gateway":
            own = await read(partial(_own, read, before, limit))
            return [_view(service, row) for row in own]
        principal = self._doorkeeper.signed(read.principal)
        return [_view(service, row) for row in await self._asked(service, principal, before, limit)]

    async def _asked(
        self, service: Audited, principal: Header, before: UUID | None, limit: int
    ) -> list[dict[str, Any]]:
        query = f"limit={limit}" + (f"&before={before}" if before else "")
        headers = [(b"host", b"onefunnel"), principal]
        try:
            answer = await self._clients(service).request(
                "GET", PATH, query=query, headers=headers, body=b""
            )
        except ServiceUnreachable as error:
            raise _unavailable(service) from error
        if answer.status != 200:
            raise _unavailable(service)
        rows: list[dict[str, Any]] = orjson.loads(answer.body)
        return rows


async def _own(read: Read, before: UUID | None, limit: int, conn: Any) -> list[dict[str, Any]]:
    found = await audit_page(conn, read.principal, before, limit)
    return [{**asdict(row), "digest": row.digest.hex()} for row in found]


def _view(service: Audited, row: dict[str, Any]) -> AuditView:
    return AuditView(service=service, **{**row, "told": orjson.loads(row["told"])})


def _unavailable(service: Audited) -> Problem:
    detail = f"The {service} service cannot be reached; ?service= asks for another one alone."
    return Problem("dependency-unavailable", detail)
