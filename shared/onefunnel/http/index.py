"""All routes of a service behind one: found by a walk down the path, not by trying one after the other."""

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from onefunnel.http.observing import ROUTE
from onefunnel.http.paths import PathTree
from onefunnel.http.routing import StrictRoute

_ALLOWED = "onefunnel.allowed"


class RouteIndex(BaseRoute):
    """Stands for many routes in a router, and hands over to the one that fits."""

    def __init__(self, routes: Iterable[StrictRoute]) -> None:
        self._tree: PathTree[dict[str, StrictRoute]] = PathTree()
        for route in routes:
            methods = self._tree.at(route.path_format, {})
            for method in route.methods or ():
                assert method not in methods, f"{method} {route.path} is there twice"
                methods[method] = route

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether the path is one of ours."""
        found = self._tree.find(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return Match.NONE, {}
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            template = next(iter(methods.values())).path_format
            return Match.PARTIAL, {ROUTE: template, _ALLOWED: ", ".join(sorted(methods))}
        return Match.FULL, {
            "endpoint": route.endpoint,
            "path_params": parameters,
            "route": route,
            ROUTE: route.path_format,
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route that was found, or say which methods the path takes."""
        if _ALLOWED in scope:
            raise HTTPException(405, headers={"Allow": scope[_ALLOWED]})
        await scope["route"].app(scope, receive, send)
