"""Idempotency keys: the answer of a write, kept in the transaction of that write.

Safety is the primary key: of two requests with one key, one commits. The advisory lock only makes
the second answer at once instead of waiting for the first.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from onefunnel.http.principal import Principal
from onefunnel.http.problems import Problem
from onefunnel.persistence.migrations import tenant_table_ddl

KEPT: Final = timedelta(days=30)
MAX_KEY: Final = 255

IDEMPOTENCY_DDL: Final = (
    """CREATE TABLE idempotency (
        tenant_id UUID NOT NULL,
        scope BYTEA NOT NULL CHECK (octet_length(scope) = 32),
        fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32),
        status SMALLINT NOT NULL,
        body BYTEA NOT NULL,
        event_id UUID,
        etag INT,
        location TEXT,
        created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, scope)
    )""",
    # Rows come in the order of time and go in the same order: a block range index is enough.
    "CREATE INDEX idempotency_created_at ON idempotency USING brin (created_at)",
    *tenant_table_ddl("idempotency"),
)

_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e ]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished answer: everything needed to give it again."""

    status: int
    body: bytes
    event_id: UUID | None = None
    etag: int | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key: whose it is (`scope`) and for which request (`fingerprint`)."""

    tenant_id: UUID
    scope: bytes
    fingerprint: bytes

    @property
    def lock(self) -> int:
        """The number of the advisory lock that is held while this key is being worked on."""
        return int.from_bytes(self.scope[:8], "big", signed=True)


async def claim_of(request: Request, principal: Principal) -> Claim | None:
    """Return the claim that a request makes with its `Idempotency-Key`, None without one."""
    headers = request.headers.getlist("idempotency-key")
    if not headers:
        return None
    found = _KEY.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None:
        raise Problem(
            "malformed-request", f"Idempotency-Key is one string of 1 to {MAX_KEY} characters."
        )
    key = found[1] or found[2]
    route = request.scope["route"].path
    scope = f"{principal.principal_id}\x1f{request.method}\x1f{route}\x1f{key}"
    target = f"{request.scope['path']}?".encode() + request.scope["query_string"] + b"\n"
    body = await request.body()
    return Claim(
        principal.tenant_id, sha256(scope.encode()).digest(), sha256(target + body).digest()
    )


_FIND: Final = text(
    """SELECT pg_try_advisory_xact_lock(:lock) AS mine,
              i.fingerprint, i.status, i.body, i.event_id, i.etag, i.location
       FROM (VALUES (1)) AS one (n)
       LEFT JOIN idempotency i ON i.tenant_id = :tenant_id AND i.scope = :scope"""
)
_KEEP: Final = text(
    """INSERT INTO idempotency (tenant_id, scope, fingerprint, status, body, event_id, etag, location)
       VALUES (:tenant_id, :scope, :fingerprint, :status, :body, :event_id, :etag, :location)"""
)
_PRUNE: Final = text("DELETE FROM idempotency WHERE created_at < :before")


async def find(conn: AsyncConnection, claim: Claim) -> Stored | None:
    """Return the answer that was given for this key before, None if the work is yours to do.

    Raises `idempotency-key-reused` if it was another request, `request-in-progress` if somebody
    works on it right now.
    """
    values = {"lock": claim.lock, "tenant_id": claim.tenant_id, "scope": claim.scope}
    row = (await conn.execute(_FIND, values)).one()
    if row.fingerprint is not None:
        if row.fingerprint != claim.fingerprint:
            raise Problem("idempotency-key-reused", "Use a new key for a new request.")
        return Stored(row.status, row.body, row.event_id, row.etag, row.location)
    if not row.mine:
        raise Problem("request-in-progress", "Repeat it in a moment, with the same key.")
    return None


async def keep(conn: AsyncConnection, claim: Claim, answer: Stored) -> None:
    """Keep the answer of this key; a unique violation means that somebody else finished first."""
    await conn.execute(
        _KEEP,
        {
            "tenant_id": claim.tenant_id,
            "scope": claim.scope,
            "fingerprint": claim.fingerprint,
            "status": answer.status,
            "body": answer.body,
            "event_id": answer.event_id,
            "etag": answer.etag,
            "location": answer.location,
        },
    )


async def prune(conn: AsyncConnection, now: datetime) -> int:
    """Forget answers older than `KEPT`, in a transaction over all tenants; return how many."""
    return (await conn.execute(_PRUNE, {"before": now - KEPT})).rowcount
