"""What one request leaves behind: two metrics, and one line where it came in over a socket."""

import time
from typing import Final

from starlette.types import Scope

from onefunnel import telemetry

ROUTE: Final = "onefunnel.route"  # in the scope: the template that was found
NO_ROUTE: Final = "unmatched"
# Asked every few seconds by machines: they would drown everything else.
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})

_log = telemetry.log("http")


class Observed:
    """One request from its first byte on. `status` is set when the answer begins."""

    __slots__ = ("_began", "_scope", "_service", "status")

    def __init__(self, scope: Scope, service: str) -> None:
        self._scope = scope
        self._service = service
        self._began = time.perf_counter()
        self.status = 500  # where the application dies without an answer, the server says this

    def ended(self) -> None:
        """Count it, and write its line unless a service of this process asked: that one's line tells."""
        scope = self._scope
        if scope["path"] in PROBES:
            return
        took_s = time.perf_counter() - self._began
        route = scope.get(ROUTE, NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        telemetry.observe("http_request_seconds", took_s, service=self._service, route=route)
        telemetry.count(
            "http_requests_total",
            service=self._service, method=method, route=route, status=str(self.status),
        )  # fmt: skip
        if scope.get("client") is not None:
            _log.info(
                "request", method=method, route=route, status=self.status,
                duration_ms=round(took_s * 1000, 1),
            )  # fmt: skip
