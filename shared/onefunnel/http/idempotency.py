"""Idempotency keys: the answer of a write, kept in the transaction of that write.

Safety is the primary key: of two requests with one key, one commits. A write therefore does not look
first; it works, keeps its answer, and looks only when something went against it. These statements
run with every write, so they go to the driver directly. An answer may hold personal data: it is sealed,
and names its object, so that it goes when the object's person is erased.
"""

import hmac
import os
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

import asyncpg
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from onefunnel.http.principal import Principal
from onefunnel.http.problems import Problem
from onefunnel.persistence.database import driver_of
from onefunnel.persistence.migrations import tenant_table_ddl

KEPT: Final = timedelta(days=30)
MAX_KEY: Final = 255

IDEMPOTENCY_DDL: Final = (
    """CREATE TABLE idempotency (
        tenant_id UUID NOT NULL,
        scope BYTEA NOT NULL CHECK (octet_length(scope) = 32),
        fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32),
        status SMALLINT NOT NULL,
        sealed BYTEA NOT NULL,
        object_id UUID,
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

_NONCE_BYTES: Final = 12
_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e ]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished answer: everything needed to give it again."""

    status: int
    body: bytes = field(repr=False)
    event_id: UUID | None = None
    etag: int | None = None
    location: str | None = None
    object_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key: whose it is (`scope`) and for which request (`fingerprint`)."""

    tenant_id: UUID
    scope: bytes
    fingerprint: bytes
    cipher: AESGCM = field(repr=False)


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
    # Whoever is shown less by now is not given the answer that was kept when they were shown more.
    target += b"masked\n" if principal.rights.masked else b""
    body = await request.body()
    return Claim(
        principal.tenant_id,
        sha256(scope.encode()).digest(),
        sha256(target + _canonical(body)).digest(),
        _cipher(request.app.state.internal_key),
    )


def _canonical(body: bytes) -> bytes:
    """Return the same bytes for the same JSON, in whatever order its keys were sent and however spaced."""
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS) if body else body


@lru_cache(maxsize=8)
def _cipher(internal_key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(internal_key, b"onefunnel.idempotency.v1", sha256))


_FIND: Final = """SELECT fingerprint, status, sealed, event_id, etag, location
    FROM idempotency WHERE tenant_id = $1 AND scope = $2"""
_KEEP: Final = """INSERT INTO idempotency
    (tenant_id, scope, fingerprint, status, sealed, event_id, etag, location, object_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_PRUNE: Final = text("DELETE FROM idempotency WHERE created_at < :before")


class AnsweredMeanwhile(Exception):
    """Another request with this key has been answered: look for its answer."""


async def find(conn: AsyncConnection, claim: Claim) -> Stored | None:
    """Return the answer that was given for this key before, None if there is none.

    Raises `idempotency-key-reused` if it was given to another request.
    """
    row = await driver_of(conn).fetchrow(_FIND, claim.tenant_id, claim.scope)
    if row is None:
        return None
    if row["fingerprint"] != claim.fingerprint:
        raise Problem("idempotency-key-reused", "Use a new key for a new request.")
    sealed = row["sealed"]
    body = claim.cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], claim.scope)
    return Stored(row["status"], body, row["event_id"], row["etag"], row["location"])


async def keep(conn: AsyncConnection, claim: Claim, answer: Stored) -> None:
    """Keep the answer of this key, in the transaction of its effect.

    Waits for another request with this key that is about to commit. Raises `AnsweredMeanwhile`, and
    then this transaction must not commit.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + claim.cipher.encrypt(nonce, answer.body, claim.scope)
    try:
        await driver_of(conn).execute(
            _KEEP, claim.tenant_id, claim.scope, claim.fingerprint, answer.status, sealed,
            answer.event_id, answer.etag, answer.location, answer.object_id,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise AnsweredMeanwhile from error


async def prune(conn: AsyncConnection, now: datetime) -> int:
    """Forget answers older than `KEPT`, in a transaction over all tenants; return how many."""
    return (await conn.execute(_PRUNE, {"before": now - KEPT})).rowcount
