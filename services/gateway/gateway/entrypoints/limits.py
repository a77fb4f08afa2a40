"""Rate limits over HTTP: what is left is said with every answer to a key, and too much is a 429 that says when.

The headers are those of the IETF draft: `RateLimit-Policy: "default";q=600;w=60` is what is granted,
`RateLimit: "default";r=599;t=1` what is left and in how many seconds nothing is missing.
"""

import time
from typing import Final

from starlette.types import Scope

from gateway.domain.quota import Quota, Standing
from onefunnel.http.problems import Problem
from onefunnel.runtime import Header

# A key has 256 bits, so nobody guesses one: this keeps noise away, and whoever has a valid key and shares
# the address of somebody who has none is served all the same.
FAILURES_WINDOW_S: Final = 60
VISITS_WINDOW_S: Final = 60

CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key"})
SAID: Final = "onefunnel.said_by_limits"  # in the scope


class Limits:
    """What each principal may ask, what is asked without one, and how often an address may fail to say who it is."""

    def __init__(self, limit: int, window_s: int, *, failures: int, visits: int) -> None:
        self._quota = Quota(limit, window_s)
        self._failures = Quota(failures, FAILURES_WINDOW_S)
        self._by_address = Quota(visits, VISITS_WINDOW_S)
        self._by_right = Quota(visits, VISITS_WINDOW_S)
        self._policy: Header = (b"ratelimit-policy", b'"default";q=%d;w=%d' % (limit, window_s))

    def count(self, scope: Scope, tenant_and_principal: str) -> None:
        """Count a request of a principal; raise `rate-limited` if it is one too many."""
        standing = self._quota.take(tenant_and_principal, time.monotonic())
        left = b'"default";r=%d;t=%d' % (standing.remaining, standing.full_in_s)
        scope[SAID] = (self._policy, (b"ratelimit", left))
        if not standing.admitted:
            raise _too_many(
                "You ask more than is granted; RateLimit-Policy says how much.", standing
            )

    def count_failure(self, scope: Scope) -> None:
        """Count a credential that was none; raise `rate-limited` if the address sent too many."""
        if not any(name in CREDENTIALS for name, _ in scope["headers"]):
            return
        standing = self._failures.take(address_of(scope), time.monotonic())
        if not standing.admitted:
            raise _too_many("Too many requests from here came without a valid key.", standing)

    def count_visit(self, scope: Scope, right: str) -> None:
        """Count a request without a key, of an address and of what gives it the `right`; raise `rate-limited`."""
        for quota, name in ((self._by_address, address_of(scope)), (self._by_right, right)):
            standing = quota.take(name, time.monotonic())
            if not standing.admitted:
                raise _too_many("This link, or this address, asks too much.", standing)


def address_of(scope: Scope) -> str:
    """Return where a request came from, empty where that is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _too_many(detail: str, standing: Standing) -> Problem:
    return Problem("rate-limited", detail, headers={"Retry-After": str(standing.retry_in_s)})
