"""Who needs no key: how much they may ask, and what a service learns of them beside their request.

What gives them the right is in the path, so that is counted, and where they come from. A service is told
no address, but a digest that is the same for a day; and who signed in, if somebody did.
"""

from typing import Final

from starlette.types import Scope

from gateway.application.catalogue import Match
from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.limits import CREDENTIALS, Limits, address_of
from onefunnel.clock import Clock
from onefunnel.http.client import HEADER, client_digest
from onefunnel.http.problems import Problem
from onefunnel.runtime import Header

_CLIENT: Final = HEADER.lower().encode()
_AGENT: Final = b"user-agent"


class Visitors:
    """Callers of public operations."""

    def __init__(self, doorkeeper: Doorkeeper, limits: Limits, clock: Clock, key: bytes) -> None:
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._clock = clock
        self._key = key

    async def headers(self, scope: Scope, match: Match) -> list[Header]:
        """Count a request and return what its service learns of who sent it; raise `rate-limited`."""
        self._limits.count_visit(scope, "/".join(match.parameters.values()))
        agent = b" ".join(value for name, value in scope["headers"] if name == _AGENT)
        day = self._clock.now().date()
        digest = client_digest(address_of(scope), agent.decode("latin-1"), self._key, day)
        return [(_CLIENT, digest.encode()), *await self._signed_in(scope)]

    async def _signed_in(self, scope: Scope) -> list[Header]:
        """Return who signed in, if anybody: nobody needs to, so a key that is none is no reason to refuse."""
        if not any(name in CREDENTIALS for name, _ in scope["headers"]):
            return []
        try:
            return [(await self._doorkeeper.caller(scope["headers"])).header]
        except Problem as problem:
            if problem.code == "unauthenticated":
                self._limits.count_failure(scope)
            return []
