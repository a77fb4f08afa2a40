"""The front door: who calls, may they, and on to the service that answers. Bytes in, bytes out.

No body is parsed here and no framework stands in the way: in the embedded default this hop is a
dictionary walk, a remembered key and one direct call.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.application.catalogue import Match, Operation, RouteTable
from gateway.application.exports import Table
from gateway.domain.pay import seen_by
from gateway.entrypoints.authentication import Caller, Doorkeeper
from gateway.entrypoints.browsers import ANY_ORIGIN, Frontends, preflight, readable
from gateway.entrypoints.exports import Exports
from gateway.entrypoints.limits import SAID, Limits
from gateway.entrypoints.names import Names
from gateway.entrypoints.rights import Gate, Refused
from gateway.entrypoints.visitors import Visitors
from onefunnel.http.incoming import read_body
from onefunnel.http.observing import ROUTE
from onefunnel.http.principal import Principal
from onefunnel.http.problems import Problem
from onefunnel.http.routing import answer_to
from onefunnel.reach import Rights
from onefunnel.runtime import Header, ServiceClient, ServiceResponse, ServiceUnreachable

OWN: Final = "gateway"
PUBLIC: Final = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/"})
PUBLIC_PREFIX: Final = "/problems/"

# What a service may learn from a caller. Everything else stays here: hop-by-hop headers, cookies,
# credentials, and whatever pretends to be an identity.
_PASSED_IN: Final = frozenset(
    {
        b"accept",
        b"content-type",
        b"content-encoding",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"traceparent",
        b"wait-for",
        b"x-correlation-id",
    }
)
# What is made of an answer is another answer, with a media type and a version of its own.
_ABOUT_THE_ANSWER: Final = frozenset({b"accept", b"if-none-match"})
# A browser without a key is judged by what it says: people read, machines only open, some look ahead, and
# some do not want to be followed.
_PUBLIC_TOO: Final = frozenset(
    {b"user-agent", b"sec-purpose", b"purpose", b"x-moz", b"dnt", b"sec-gpc"}
)
_KEPT_BACK: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"server",
        b"date",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-request-id",
        b"x-content-type-options",
    }
)
# An escaped slash, backslash, dot or NUL would be one thing to us and another to the service.
_AMBIGUOUS: Final = (b"%2f", b"%5c", b"%2e", b"%00", b"%25")


# Writes down who takes which list along, and with which request.
Exported = Callable[[Principal, Operation, Scope], Awaitable[None]]


class Front:
    """The gateway's application."""

    def __init__(
        self,
        own: ASGIApp,
        table: RouteTable,
        doorkeeper: Doorkeeper,
        clients: Callable[[str], ServiceClient],
        names: Names,
        limits: Limits,
        visitors: Visitors,
        frontends: Frontends,
        exports: Exports,
        exported: Exported,
    ) -> None:
        self._own = own
        self._table = table
        self._doorkeeper = doorkeeper
        self._clients = clients
        self._names = names
        self._gate = Gate(doorkeeper, clients)
        self._limits = limits
        self._visitors = visitors
        self._frontends = frontends
        self._exports = exports
        self._exported = exported

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan of what is the gateway's own."""
        if scope["type"] != "http" or _is_public(scope["path"]):
            await self._own(scope, receive, send)
            return
        try:
            app = await self._answer(scope, receive)
        except Refused as refused:
            app = Raw(refused.answer)
        except Exception as error:  # noqa: BLE001 - the border: whatever it is becomes a problem
            app = answer_to(error, scope.get("onefunnel.request_id"))
        await app(scope, receive, self._saying(scope, send))

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        match = self._found(scope)
        scope[ROUTE] = match.template
        if any(found.public and found.service == OWN for found in match.operations.values()):
            return _calling(self._own, dict(scope))  # judges by the raw request, all of it
        asks_first = scope["method"] == "OPTIONS"
        if asks_first and (answer := self._frontends.preflight(scope, match) or preflight(match)):
            return answer
        operation = _operation(match, scope["method"])
        table = self._exports.table(scope, operation)
        if operation.public:
            query = scope["query_string"].decode("latin-1")
            headers = _passed(scope, _PASSED_IN | _PUBLIC_TOO)
            headers += await self._visitors.headers(scope, match)
            return Raw(readable(await self._asked(operation, scope, receive, query, headers)))
        caller = await self._caller(scope)
        rights, header = await self._gate.admitted(caller, operation, match)
        if (finer := _finer(operation, scope, as_a_file=table is not None)) != operation:
            operation = finer
            rights, header = await self._gate.admitted(caller, operation, match)
        query = _visible_query(caller.principal, rights, operation, match, scope["query_string"])
        if table is not None:
            return await self._file(table, caller.principal, operation, match, scope, query)
        headers = [*_passed(scope, _PASSED_IN), header]
        if operation.service == OWN:
            return _calling(self._own, {**scope, "headers": _with_length(headers, scope)})
        response = await self._asked(operation, scope, receive, query, headers)
        return Raw(await self._names.added(response, caller, operation))

    async def _file(
        self,
        table: Table,
        principal: Principal,
        operation: Operation,
        match: Match,
        scope: Scope,
        query: str,
    ) -> ASGIApp:
        passed = _passed(scope, _PASSED_IN - _ABOUT_THE_ANSWER)

        async def ask(page: str) -> ServiceResponse:
            # For every page anew: what is signed lives a minute, and a long file takes longer.
            caller = await self._doorkeeper.caller(scope["headers"])
            _, header = await self._gate.admitted(caller, operation, match)
            headers = [*passed, header]
            response = await self._asked(operation, scope, _no_body, page, headers)
            return await self._names.added(response, caller, operation)

        witness = partial(self._exported, principal, operation, scope)
        made = await self._exports.answer(table, ask, query, witness)
        return Raw(made) if isinstance(made, ServiceResponse) else made

    async def _caller(self, scope: Scope) -> Caller:
        try:
            caller = await self._doorkeeper.caller(scope["headers"])
        except Problem as problem:
            if problem.code == "unauthenticated":
                self._limits.count_failure(scope)
            raise
        principal = caller.principal
        self._limits.count(scope, f"{principal.tenant_id}/{principal.principal_id}")
        return caller

    def _saying(self, scope: Scope, send: Send) -> Send:
        """Return a `send` that adds to an answer what limits and origins have to say."""

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [*scope.get(SAID, ()), *self._frontends.headers(scope)]
                open_to_all = ANY_ORIGIN in message["headers"]
                message["headers"] = [*message["headers"], *(() if open_to_all else said)]
            await send(message)

        return say

    def _found(self, scope: Scope) -> Match:
        raw = scope.get("raw_path") or scope["path"].encode()
        if not (raw.isascii() and scope["query_string"].isascii()):
            raise Problem("malformed-request", "The URL holds bytes that must be escaped.")
        if b"%" in raw and any(escape in raw.lower() for escape in _AMBIGUOUS):
            raise _nothing_here()
        match = self._table.find(scope["path"])
        if match is None:
            raise _nothing_here()
        return match

    async def _asked(
        self,
        operation: Operation,
        scope: Scope,
        receive: Receive,
        query: str,
        headers: list[Header],
    ) -> ServiceResponse:
        length = next(
            (v.decode("latin-1") for n, v in scope["headers"] if n == b"content-length"), None
        )
        body = await read_body(receive, length, operation.max_body_bytes)
        path = (scope.get("raw_path") or scope["path"].encode()).decode("ascii")
        try:
            return await self._clients(operation.service).request(
                operation.method, path, query=query, headers=headers, body=body
            )
        except ServiceUnreachable as error:
            raise Problem(
                "dependency-unavailable", f"The {operation.service} service cannot be reached."
            ) from error


class Raw:
    """A service's answer, given on as it came."""

    __slots__ = ("_response",)

    def __init__(self, response: ServiceResponse) -> None:
        self._response = response

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        status, headers, body = self._response
        kept = [header for header in headers if header[0] not in _KEPT_BACK]
        await send({"type": "http.response.start", "status": status, "headers": kept})
        await send({"type": "http.response.body", "body": body})


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_PREFIX)


def _operation(match: Match, method: str) -> Operation:
    operation = match.operations.get(method)
    if operation is None:
        allow = ", ".join(sorted(match.operations))
        raise Problem(
            "method-not-allowed", "This path does not take this method.", headers={"Allow": allow}
        )
    return operation


def _finer(operation: Operation, scope: Scope, *, as_a_file: bool) -> Operation:
    """Return what is asked for in this very request, which may need a right more than its route."""
    asked = operation.asking_for(parse_qsl(scope["query_string"].decode("latin-1")))
    return asked.as_a_file if as_a_file else asked


def _visible_query(
    principal: Principal, rights: Rights, operation: Operation, match: Match, raw: bytes
) -> str:
    """Return the query to pass on, narrowed to the caller's own pay where that is all they may see."""
    query = raw.decode("latin-1")
    name = operation.private_parameter
    if name is None:
        return query
    named = [match.parameters[name]] if name in match.parameters else _values(query, name)
    if len(named) > 1:
        raise Problem("malformed-request", "A query parameter comes more than once.")
    seen = seen_by(rights, principal.person_id, next(iter(named), None))
    if not seen.visible:
        raise Problem("not-found", "There is no such thing.")
    if seen.narrow_to is None:
        return query
    return "&".join(part for part in (query, urlencode({name: str(seen.narrow_to)})) if part)


def _values(query: str, name: str) -> list[str]:
    return [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]


def _passed(scope: Scope, names: frozenset[bytes]) -> list[Header]:
    headers: list[Header] = [h for h in scope["headers"] if h[0] in names]
    headers.append((b"host", b"onefunnel"))
    headers.append((b"x-request-id", scope["onefunnel.request_id"].encode()))
    return headers


def _with_length(headers: list[Header], scope: Scope) -> list[Header]:
    return headers + [h for h in scope["headers"] if h[0] in {b"content-length", b"last-event-id"}]


def _calling(app: ASGIApp, inner: Scope) -> ASGIApp:
    async def call(_scope: Scope, receive: Receive, send: Send) -> None:
        await app(inner, receive, send)

    return call


def _nothing_here() -> Problem:
    return Problem("not-found", "There is nothing at this path.")
