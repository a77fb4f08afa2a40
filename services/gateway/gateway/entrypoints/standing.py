"""Where the projections stand, as metrics-service says it: what live hints are made of."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.status import PATH
from gateway.entrypoints.streams import Asker, Standing
from onefunnel.http.principal import Principal
from onefunnel.runtime import ServiceClient, ServiceUnreachable

SYSTEM: Final = "system:gateway"
# All that a hint may say: that something moved, and how far it is.
_SAID: Final = ("as_of", "lag_events", "stale")

_log = structlog.get_logger("gateway.hints")


def asker(clients: Callable[[str], ServiceClient], doorkeeper: Doorkeeper) -> Asker:
    """Return a function that asks metrics-service where one tenant's projections stand."""

    async def ask(tenant_id: UUID) -> Standing | None:
        header = doorkeeper.signed(Principal(tenant_id, SYSTEM, "admin"))
        headers = [(b"host", b"onefunnel"), header]
        try:
            answer = await clients("metrics").request(
                "GET", PATH, query="", headers=headers, body=b""
            )
        except ServiceUnreachable:
            _log.warning("hints.unavailable")
            return None
        return standing(orjson.loads(answer.body)) if answer.status == 200 else None

    return ask


def standing(status: dict[str, Any]) -> Standing:
    """Return the standing of each projection; one that is not listed by name stands with all."""
    projections = status.get("projections") or [{"name": "all", **status}]
    return {str(one["name"]): {key: one[key] for key in _SAID if key in one} for one in projections}
