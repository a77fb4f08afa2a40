"""Routes that refuse before they work: the caller, then the query, then the body, then your function.

Services write `router = routes("leads")` and decorate functions as in any FastAPI application; each
route says what it does to what: `openapi_extra=declared("lead", "create")`.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncpg
import structlog
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.params import Body as BodyParameter
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from onefunnel.errors import DomainError
from onefunnel.http.bodies import Body
from onefunnel.http.calling import plan_of
from onefunnel.http.incoming import MAX_BODY_BYTES, read_body
from onefunnel.http.principal import authenticate
from onefunnel.http.problems import Problem, problem_response
from onefunnel.http.query import check_query, known_parameters
from onefunnel.http.strict_json import guard, malformed
from onefunnel.http.validation import problem_of

_JSON: Final = "application/json"
# A media type whose one parameter, if there is any, says that it is UTF-8.
_IN_UTF8: Final = re.compile(
    r'\s*([^\s;]+)\s*(?:;\s*(?:charset=(?:utf-8|"utf-8")\s*)?)?', re.ASCII | re.IGNORECASE
)
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EXTENSION: Final = "x-onefunnel"

# The database is starting, stopping, or gone.
_LOST: Final = (
    OSError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
)

_log = structlog.get_logger("onefunnel.http")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def declared(
    resource: str,
    action: str,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    public: bool = False,
    raw: bool = False,
    owned: bool = False,
    grouped: bool = False,
    asks: str | None = None,
    finer: Mapping[str, str] | None = None,
    unkeyed: bool = False,
) -> dict[str, Any]:
    """Declare what a route does to what; the gateway's matrix of rights decides who may.

    An `owned` route is about somebody's things: it keeps to the owners in the caller's rights. The
    service's guard looks at the one its path names, before anything else is read; where another
    service knows whose it is, the gateway asks that one first. A `grouped` route keeps to groups of
    people for callers who may see no less.

    A `finer` one, `{"parameter=value": resource}`, shows with that value in its query what the same action
    shows of another resource: the caller needs that right as well, and has no more than it gives.

    A `public` route has no caller: what gives the right is in its path, and it looks for itself.
    A `raw` one reads its query and its body itself, because somebody else decides what is in them.
    An `unkeyed` one changes nothing that could happen twice, and keeps no answer for a key.
    """
    extension: dict[str, object] = {"resource": resource, "action": action}
    marks = (("raw", raw), ("owned", owned), ("grouped", grouped), ("unkeyed", unkeyed))
    extension |= {mark: True for mark, is_so in marks if is_so}
    if asks:
        extension["asks"] = asks
    if finer:
        extension["finer"] = dict(finer)
    if max_body_bytes != MAX_BODY_BYTES:
        extension["max_body_bytes"] = max_body_bytes
    if public:
        return {EXTENSION: {**extension, "public": True}, "security": []}
    return {EXTENSION: extension}


def routes(tag: str, *, prefix: str = "") -> APIRouter:
    """Return a router of strict routes."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=StrictRoute)


class Nothing(Body):
    """The body of a write that takes none: empty, or an object without fields, as many clients send."""


@dataclass(frozen=True, slots=True)
class BodyRule:
    """How one route reads its body."""

    adapter: TypeAdapter[Any]
    required: bool
    max_bytes: int
    media: frozenset[str]


# Read all the same: whoever says more than the route takes hears so, as with any field that is unknown.
_NO_BODY: Final = BodyRule(TypeAdapter(Nothing), False, MAX_BODY_BYTES, frozenset({_JSON}))


class StrictRoute(APIRoute):
    """A route that knows its caller, refuses unknown parameters, and reads JSON strictly."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["operation_id"] = options.get("operation_id") or _camel(endpoint.__name__)
        options["response_model_by_alias"] = True
        super().__init__(path, endpoint, **options)
        if plan_of(self.dependant) is not None:
            self.app = _application(self.get_route_handler())

    def get_route_handler(self) -> Handler:
        """Return what answers a request: everything wrong with it is found before the function runs."""
        plan = plan_of(self.dependant)
        handle = plan.called if plan else _left_to_fastapi(super().get_route_handler())
        parameters = known_parameters(self.dependant)
        rule = self._body_rule()
        extension = (self.openapi_extra or {}).get(EXTENSION, {})
        public, raw = extension.get("public", False), extension.get("raw", False)
        guarded = extension.get("owned", False) and "asks" not in extension

        async def strict(request: Request) -> Response:
            if not public:
                principal = authenticate(request)
                if guarded and request.path_params:
                    await request.app.state.guard(principal, request.path_params)
            if not raw:
                check_query(request.scope["query_string"], parameters)
            body = await _read(request, rule) if rule is not None else None
            response: Response = await handle(request, body)
            return response

        return _answering(strict)

    def _body_rule(self) -> BodyRule | None:
        extension = (self.openapi_extra or {}).get(EXTENSION, {})
        if self.body_field is None:
            writes = WRITES & (self.methods or set())
            return _NO_BODY if writes and not extension.get("raw") else None
        field = self.body_field.field_info
        assert isinstance(field, BodyParameter), f"{self.path}: bodies are JSON"
        assert not self._embed_body_fields, f"{self.path}: one body parameter, of a Body model"
        limit = extension.get("max_body_bytes", MAX_BODY_BYTES)
        adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, field.annotation))
        # A page that is being closed can only send text without asking first (`sendBeacon`).
        media = {_JSON, "text/plain"} if extension.get("public") else {_JSON}
        return BodyRule(adapter, field.is_required(), limit, frozenset(media))


def _left_to_fastapi(handle: Handler) -> Callable[[Request, object], Awaitable[Response]]:
    async def called(request: Request, body: object) -> Response:
        # FastAPI finds the finished model where it would find the parsed JSON, and takes it as it is.
        request._json = body  # noqa: SLF001
        return await handle(request)

    return called


def _application(handler: Handler) -> ASGIApp:
    """Return the ASGI application of a planned route: nothing in it needs FastAPI's exit stacks."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return application


async def _read(request: Request, rule: BodyRule) -> object:
    """Read, guard and validate the body; return the model, None for a body that may be left out."""
    raw = await read_body(request.receive, request.headers.get("content-length"), rule.max_bytes)
    request._body = raw  # noqa: SLF001 - Starlette's own cache: whoever asks again gets these bytes
    if not raw and not rule.required:
        return None
    _check_media(request, rule.media)
    if not raw:
        raise malformed("The body is empty.")
    guard(raw)
    try:
        return cast(object, rule.adapter.validate_json(raw))
    except ValidationError as error:
        raise problem_of(error.errors(include_url=False, include_input=False)) from error


def _check_media(request: Request, taken: frozenset[str]) -> None:
    if set(request.headers.getlist("content-encoding")) - {"identity"}:
        raise Problem("unsupported-encoding", "Send the body without Content-Encoding.")
    media = ",".join(request.headers.getlist("content-type"))  # two of them are none
    if media == _JSON:
        return
    kind = _IN_UTF8.fullmatch(media)
    if kind is None or kind[1].lower() not in taken:
        raise Problem("unsupported-media-type", "Send Content-Type: application/json, in UTF-8.")


def _answering(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - the border: whatever it is becomes a problem
            return answer_to(error, request.scope.get("onefunnel.request_id"))

    return answer


def answer_to(error: Exception, request_id: str | None) -> Response:
    """Turn any error into a problem response; what we did not expect is logged and says nothing."""
    if isinstance(error, Problem | DomainError):
        return problem_response(error, request_id)
    if isinstance(error, RequestValidationError):
        return problem_response(_problem_of_request(error), request_id)
    if isinstance(error, ClientDisconnect):
        gone = Problem("malformed-request", "The caller went away before the body was complete.")
        return problem_response(gone, request_id)
    if isinstance(error, HTTPException):
        return problem_response(_problem_of_http(error), request_id)
    if _is_storage(error):
        _log.warning("storage.unavailable", error=type(error).__name__, request_id=request_id)
        unavailable = Problem("storage-unavailable", "The database cannot be reached just now.")
        return problem_response(unavailable, request_id)
    _log.error("request.failed", exc_info=error, request_id=request_id)
    return problem_response(Problem("internal", "The request failed on our side."), request_id)


def _problem_of_request(error: RequestValidationError) -> Problem:
    """Answer an id that cannot be one like any other id that is not there."""
    if any(one["loc"][0] == "path" for one in error.errors()):
        return Problem("not-found", "There is no such thing.")
    return problem_of(error.errors(), sourced=True)


def _is_storage(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, asyncpg.InterfaceError)
    return isinstance(error, _LOST)


def _problem_of_http(error: HTTPException) -> Problem:
    codes = {404: "not-found", 405: "method-not-allowed", 413: "payload-too-large"}
    code = codes.get(error.status_code, "malformed-request")
    details = {
        "not-found": "There is nothing at this path.",
        "method-not-allowed": "This path does not take this method.",
    }
    return Problem(code, details.get(code, "The request is malformed."), headers=error.headers)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
