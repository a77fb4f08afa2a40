"""Calling a route's function with what it asks for, by a plan made once.

FastAPI solves dependencies anew for every request, for every feature they may use. Our routes use
few: parameters, the request, the body, and async dependencies on the same. For those a plan is
made from FastAPI's own description; a route that uses more is left to FastAPI.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

Values = dict[str, Any]
Cache = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one function gets its arguments."""

    call: Callable[..., Awaitable[Any]]
    name: str | None
    request_name: str | None
    body_name: str | None
    dependencies: tuple["Plan", ...]
    dependant: Dependant
    has_parameters: bool

    async def called(self, request: Request, body: object) -> Any:
        """Call the function; raise `RequestValidationError` if a parameter is not valid."""
        errors: list[Any] = []
        values = await self.values(request, {}, errors)
        if errors:
            raise RequestValidationError(errors)
        if self.body_name is not None and body is not None:
            values[self.body_name] = body
        return await self.call(**values)

    async def values(self, request: Request, cache: Cache, errors: list[Any]) -> Values:
        """Return the arguments; what is not valid is added to `errors`."""
        values: Values = {}
        for dependency in self.dependencies:
            call = dependency.call
            if call not in cache:
                asked = await dependency.values(request, cache, errors)
                if errors:
                    continue
                cache[call] = await call(**asked)
            if dependency.name is not None:
                values[dependency.name] = cache[call]
        if self.has_parameters:
            self._add_parameters(request, values, errors)
        if self.request_name is not None:
            values[self.request_name] = request
        return values

    def _add_parameters(self, request: Request, values: Values, errors: list[Any]) -> None:
        sources: tuple[tuple[Any, Mapping[str, Any]], ...] = (
            (self.dependant.path_params, request.path_params),
            (self.dependant.query_params, request.query_params),
            (self.dependant.header_params, request.headers),
        )
        for fields, received in sources:
            if fields:
                found, wrong = request_params_to_args(fields, received)
                values.update(found)
                errors.extend(wrong)


def plan_of(dependant: Dependant) -> Plan | None:
    """Return the plan of a route, None if it uses what a plan does not know."""
    if inspect.signature(_call(dependant)).return_annotation is not Response:
        return None  # FastAPI knows how to turn other things into responses
    return _plan(dependant)


def _plan(dependant: Dependant) -> Plan | None:
    if not inspect.iscoroutinefunction(dependant.call) or _uses_more(dependant):
        return None
    dependencies = [_plan(dependency) for dependency in dependant.dependencies]
    known = [dependency for dependency in dependencies if dependency is not None]
    if len(known) < len(dependencies):
        return None
    return Plan(
        call=dependant.call,
        name=dependant.name,
        request_name=dependant.request_param_name,
        body_name=dependant.body_params[0].name if dependant.body_params else None,
        dependencies=tuple(known),
        dependant=dependant,
        has_parameters=bool(
            dependant.path_params or dependant.query_params or dependant.header_params
        ),
    )


def _uses_more(dependant: Dependant) -> bool:
    return bool(
        dependant.cookie_params
        or len(dependant.body_params) > 1
        or dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.own_oauth_scopes
        or not dependant.use_cache
        or dependant.concurrency
    )


def _call(dependant: Dependant) -> Callable[..., Any]:
    assert dependant.call is not None
    return dependant.call
