"""One service's application: the same manners everywhere, in one function."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from onefunnel.clock import Clock, SystemClock
from onefunnel.http.edge import Edge
from onefunnel.http.index import RouteIndex
from onefunnel.http.openapi import document_of
from onefunnel.http.principal import Principal
from onefunnel.http.problems import Problem, problem_response
from onefunnel.http.routing import EXTENSION, StrictRoute, answer_to
from onefunnel.ops import health
from onefunnel.outbox.intake import Intake

INTERNAL: Final = "/internal/"

# Of a caller and of what stands in the braces of a path.
Guard = Callable[[Principal, Mapping[str, str]], Awaitable[None]]

_log = structlog.get_logger("onefunnel.http")


class Undeclared(Exception):
    """A route does not say what it does to what; nothing may start with it."""


def service_app(
    *,
    name: str,
    routers: Sequence[APIRouter],
    internal_key: bytes,
    ready: Callable[[], Awaitable[None]],
    lifespan: Any = None,
    clock: Clock | None = None,
    intake: Intake | None = None,
    guard: Guard | None = None,
) -> FastAPI:
    """Return the application of one service: its routes, probes, problems and limits.

    Raises `Undeclared` for a route without `openapi_extra=declared(resource, action)`; paths under
    `/internal/` are never exposed and need none. `ready` raises while the service cannot work. `intake` is the valve
    before the service's outbox, where it has one. `guard` looks, before an owned route runs, whether the
    caller may do it to the one thing that the path names: raises not-found or forbidden.
    """
    app = FastAPI(
        title=name,
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.name = name
    app.state.internal_key = internal_key
    app.state.clock = clock or SystemClock()
    app.state.intake = intake
    app.state.guard = guard
    app.state.in_flight = set()  # scopes of the idempotency keys that are being worked on
    operations = [
        _declared(route, name, guarded=guard is not None)
        for router in routers
        for route in router.routes
    ]
    app.router.routes[:] = [RouteIndex(operations), *probes(name, ready, intake)]
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_middleware(Edge, service=name)
    app.openapi = partial(document_of, app, operations)  # type: ignore[method-assign] # the documented way
    return app


def probes(
    name: str, ready: Callable[[], Awaitable[None]], intake: Intake | None = None
) -> list[BaseRoute]:
    """Return `/livez`, `/readyz` and `/metrics`: cheap, without a caller, not in the OpenAPI."""

    async def livez(_request: Request) -> Response:
        return Response(status_code=204)

    async def readyz(request: Request) -> Response:
        try:
            await ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, this service is not ready
            _log.warning("not.ready", service=name, error=type(error).__name__)
            problem = Problem("dependency-unavailable", f"{name} is not ready.")
            return problem_response(problem, request.scope["onefunnel.request_id"])
        return health(await intake.concerns() if intake else [])

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]


def _declared(route: BaseRoute, service: str, *, guarded: bool) -> StrictRoute:
    if not isinstance(route, StrictRoute):
        message = (
            f"{service}: make routers with onefunnel.http.routing.routes(tag), not APIRouter()"
        )
        raise Undeclared(message)
    extension = (route.openapi_extra or {}).get(EXTENSION, {})
    if extension.get("owned") and "{" in route.path and not (guarded or "asks" in extension):
        raise Undeclared(f"{service}: {route.path} is owned, and nobody guards it")
    if route.path.startswith(INTERNAL):
        route.include_in_schema = False
        return route
    if not {"resource", "action"} <= extension.keys():
        missing = "openapi_extra=declared(resource, action)"
        raise Undeclared(f"{service}: {sorted(route.methods or ())} {route.path} lacks {missing}")
    extension["service"] = service.removesuffix("-service")
    return route


async def _http_exception(request: Request, error: Exception) -> Response:
    return answer_to(error, request.scope.get("onefunnel.request_id"))
