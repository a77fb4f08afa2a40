"""Views of content in PostgreSQL, and content-service as it is told of them."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

import orjson

from gateway.adapters.connections import ConnectionRepository
from gateway.adapters.repositories import Transactions
from gateway.application.looks import LEASE_S, Outcome, Report, Untold
from gateway.domain.connection import Connection
from onefunnel.persistence.database import driver_of
from onefunnel.runtime import Header, ServiceClient, ServiceUnreachable

_CLAIM: Final = """
UPDATE content_view SET due_at = now() + make_interval(secs => $1)
WHERE (tenant_id, connection_id, view_id) = (
    SELECT tenant_id, connection_id, view_id FROM content_view
    WHERE version > told_version AND NOT parked AND NOT machine AND NOT internal AND due_at <= now()
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, connection_id, view_id, viewed_at, document_id, link_id, pages::text AS pages,
    version, attempts"""
_TOLD: Final = """
UPDATE content_view SET told_version = greatest(told_version, $4), attempts = 0, due_at = '-infinity'
WHERE tenant_id = $1 AND connection_id = $2 AND view_id = $3"""
_AGAIN: Final = """
UPDATE content_view SET attempts = attempts + 1, parked = $5,
    due_at = now() + make_interval(secs => $4)
WHERE tenant_id = $1 AND connection_id = $2 AND view_id = $3"""


class DatabaseViews:
    """Views that are to be told, under the worker role."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def claim(self) -> tuple[Untold, Connection] | None:
        """Take one that is due, so that nobody else does for a while."""
        async with self._database.transaction() as conn:
            row = await driver_of(conn).fetchrow(_CLAIM, LEASE_S)
            if row is None:
                return None
            view = Untold(**{**row, "pages": orjson.loads(row["pages"])})
            connection = await ConnectionRepository(conn).get(view.connection_id)
        assert connection is not None, "connections are never deleted"
        return view, connection

    async def told(self, view: Untold) -> None:
        """Note that this version of it is known."""
        async with self._database.transaction() as conn:
            await driver_of(conn).execute(_TOLD, *_key(view), view.version)

    async def again(self, view: Untold, in_s: float, *, park: bool) -> None:
        """Try it later, or never by ourselves."""
        async with self._database.transaction() as conn:
            await driver_of(conn).execute(_AGAIN, *_key(view), in_s, park)


def _key(view: Untold) -> tuple[UUID, UUID, str]:
    return view.tenant_id, view.connection_id, view.view_id


class ContentService:
    """Tells content-service. `signed` makes the header that says for which tenant."""

    def __init__(self, client: ServiceClient, signed: Callable[[UUID], Header]) -> None:
        self._client = client
        self._signed = signed

    async def hear(self, tenant_id: UUID, report: Report) -> Outcome:
        """Report a view; the same again changes nothing."""
        body = {
            "view_id": str(report.view_id),
            "viewed_at": report.viewed_at.isoformat(),
            "pages": [
                {"page": page, "duration_ms": duration} for page, duration in report.pages.items()
            ],
        }
        if report.share_id is not None:
            body["share_id"] = report.share_id
        headers = [
            (b"host", b"onefunnel"),
            (b"content-type", b"application/json"),
            self._signed(tenant_id),
        ]
        path = f"/v1/content/{report.asset_id}/views"
        try:
            answer = await self._client.request(
                "POST", path, query="", headers=headers, body=orjson.dumps(body)
            )
        except ServiceUnreachable:
            return "away"
        if answer.status < 300:
            return "taken"
        return "refused" if 400 <= answer.status < 500 and answer.status != 429 else "away"
