"""A write over HTTP: one transaction, one answer, given once however often it is asked for."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from onefunnel import tracing
from onefunnel.audit.rows import add
from onefunnel.audit.witness import Made, is_audited, object_of, row_of
from onefunnel.clock import Clock, SystemClock
from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.envelope import Metadata
from onefunnel.http.idempotency import AnsweredMeanwhile, Claim, Stored, claim_of, find, keep
from onefunnel.http.preconditions import etag_of
from onefunnel.http.principal import CurrentPrincipal, Principal
from onefunnel.http.problems import MEDIA_TYPE, Problem, body_of, status_of
from onefunnel.outbox.intake import Intake
from onefunnel.outbox.writer import StaleVersion
from onefunnel.persistence.database import Deadlocked, driver_of

MAX_ATTEMPTS: Final = 3

_FINAL_KINDS: Final = frozenset(ErrorKind) - {ErrorKind.STALE, ErrorKind.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: `event_id` is the last event it published, `etag` the new version.

    One that found everything as it was asked for is not `changed`.
    """

    body: object = field(default=None, repr=False)
    status: int = 200
    event_id: UUID | None = None
    etag: int | None = None
    location: str | None = None
    changed: bool = True


class TenantDatabase(Protocol):
    """Transactions that see one tenant."""

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction that commits at the end."""
        ...


Work = Callable[[AsyncConnection, Metadata], Awaitable[Answer]]


class Write:
    """Runs one piece of work in the caller's tenant and answers; made per request.

    With an `Idempotency-Key` the answer is kept in the same transaction and replayed to repeats. A write
    that is audited commits with its row of the audit, whatever its work does.
    Work may run again, for a repeat or after a concurrent change: it touches nothing but its connection.
    """

    def __init__(
        self,
        request: Request,
        principal: Principal,
        database: TenantDatabase,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.request = request
        self.principal = principal
        self._database = database
        self._wake = wake
        self._clock = clock

    async def __call__(self, work: Work) -> Response:
        """Do the work once, commit, wake the relay, answer. Raises `outbox-full` before any of it."""
        intake: Intake | None = self.request.app.state.intake
        if intake is not None:
            await intake.admit()
        claim = await claim_of(self.request, self.principal)
        if claim is None:
            return await self._done(work, None)
        in_flight: set[bytes] = self.request.app.state.in_flight
        if claim.scope in in_flight:
            raise Problem("request-in-progress", "Repeat it in a moment, with the same key.")
        in_flight.add(claim.scope)
        try:
            return await self._done(work, claim)
        finally:
            in_flight.discard(claim.scope)

    async def _done(self, work: Work, claim: Claim | None) -> Response:
        attempt = 1
        while True:
            try:
                return await self._attempt(work, claim, look=attempt > 1)
            except (StaleVersion, Deadlocked):
                # Nobody saw the version it was decided on, so decide again on the new one. Of a
                # transaction that was undone so that another could go on, nothing is there.
                if attempt == MAX_ATTEMPTS or "if-match" in self.request.headers:
                    raise
            except (AnsweredMeanwhile, IntegrityError):
                # The effect is there already, perhaps from a first request with this key.
                if attempt == MAX_ATTEMPTS or claim is None:
                    raise
            except DomainError as error:
                if claim is None or error.kind not in _FINAL_KINDS:
                    raise
                if (replay := await self._refused(claim, error)) is None:
                    raise
                return replay
            attempt += 1

    async def _attempt(self, work: Work, claim: Claim | None, *, look: bool) -> Response:
        async with self._database.tenant(self.principal.tenant_id) as conn:
            if claim and look and (stored := await find(conn, claim)):
                return self._response(stored, replayed=True)
            answer = await work(conn, self._metadata())
            made = Made(answer.body, answer.location, answer.etag, answer.event_id)
            if answer.changed and is_audited(self.request):
                await add(driver_of(conn), row_of(self.request, self.principal, made))
            stored = _stored(answer)
            if claim:
                stored = replace(stored, object_id=_id_of(object_of(self.request, made)))
                await keep(conn, claim, stored)
        self._wake()
        return self._response(stored)

    async def _refused(self, claim: Claim, error: DomainError) -> Response | None:
        """Replay the answer of a first request with this key, or keep this refusal as its answer.

        The refused transaction is gone, so the refusal is kept in one of its own.
        """
        refusal = Stored(status_of(error), orjson.dumps(body_of(error, self._request_id)))
        try:
            async with self._database.tenant(self.principal.tenant_id) as conn:
                if (stored := await find(conn, claim)) is None:
                    await keep(conn, claim, refusal)
                    return None
        except AnsweredMeanwhile:
            async with self._database.tenant(self.principal.tenant_id) as conn:
                stored = await find(conn, claim)
        return self._response(stored, replayed=True) if stored else None

    def _response(self, stored: Stored, *, replayed: bool = False) -> Response:
        media = MEDIA_TYPE if stored.status >= 400 else "application/json"
        response = Response(stored.body, stored.status, media_type=media if stored.body else None)
        if stored.event_id:
            response.headers["Event-Id"] = str(stored.event_id)
        if stored.etag is not None:
            masked = self.principal.rights.masked
            response.headers["ETag"] = etag_of(stored.etag, masked=masked)
        if stored.location:
            response.headers["Location"] = stored.location
        if replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    @property
    def _request_id(self) -> str:
        return str(self.request.scope["onefunnel.request_id"])

    def _metadata(self) -> Metadata:
        scope = self.request.scope
        return Metadata(
            tenant_id=self.principal.tenant_id,
            source=f"/services/{self.request.app.state.name}",
            actor_id=self.principal.principal_id,
            correlation_id=scope["onefunnel.correlation_id"],
            recorded_at=self._clock.now(),
            traceparent=tracing.valid(self.request.headers.get("traceparent", "")),
        )


def write_dependency(
    database: TenantDatabase, wake: Callable[[], None], clock: Clock | None = None
) -> Callable[[Request, Principal], Coroutine[Any, Any, Write]]:
    """Return the dependency that makes a `Write` for each request of one service."""
    ticking = clock or SystemClock()

    async def write(request: Request, principal: CurrentPrincipal) -> Write:
        return Write(request, principal, database, wake, ticking)

    return write


def to_json(body: object) -> bytes:
    """Return an answer's JSON: models by alias, times in UTC ending in Z, decimals as text."""
    if isinstance(body, BaseModel):
        return body.__pydantic_serializer__.to_json(body, by_alias=True)
    return orjson.dumps(body, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return str(value)


def _id_of(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _stored(answer: Answer) -> Stored:
    body = b"" if answer.body is None else to_json(answer.body)
    return Stored(answer.status, body, answer.event_id, answer.etag, answer.location)
