"""Speaking to a service as the gateway does: every request is signed when it is sent."""

from collections.abc import Callable, Generator
from datetime import datetime

import httpx

from onefunnel.http.principal import HEADER, Principal, sign_principal


class Speaking(httpx.Auth):
    """Signs each request of a client for one principal, by the clock of the service that reads it."""

    def __init__(self, principal: Principal, key: bytes, now: Callable[[], datetime]) -> None:
        self._principal = principal
        self._key = key
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        request.headers[HEADER] = sign_principal(self._principal, self._key, self._now())
        yield request
