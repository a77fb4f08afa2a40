"""Composition: metrics-service knows ids, the owners know names; the gateway puts them together.

A response with a top-level `refs: {kind: [ids]}` leaves with `names: {id: text}` in its place.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
import structlog

from gateway.application.catalogue import Operation
from gateway.entrypoints.authentication import Caller
from onefunnel.runtime import Header, ServiceClient, ServiceResponse, ServiceUnreachable

COMPOSED: Final = frozenset({"metrics"})
MAX_NAMES: Final = 5_000
PATH: Final = "/internal/names"

_REFS: Final = b'"refs"'
_OWNERS: Final[Mapping[str, str]] = {"asset": "content"}
_OWNER_OF_THE_REST: Final = "lead"

_log = structlog.get_logger("gateway.names")


class Names:
    """Asks the owners for names, in the caller's own right."""

    def __init__(self, clients: Callable[[str], ServiceClient]) -> None:
        self._clients = clients

    async def added(
        self, response: ServiceResponse, caller: Caller, operation: Operation
    ) -> ServiceResponse:
        """Return the response with names in the place of references; without references, untouched."""
        if operation.service not in COMPOSED or response.status != 200:
            return response
        if _REFS not in response.body:
            return response
        document = orjson.loads(response.body)
        refs = document.pop("refs", None) if isinstance(document, dict) else None
        if refs is None:
            return response
        document["names"] = await self._of(refs, caller.header)
        body = orjson.dumps(document)
        return ServiceResponse(response.status, _resized(response, body), body)

    async def _of(self, refs: Mapping[str, list[str]], header: Header) -> dict[str, str]:
        asked: dict[str, dict[str, list[str]]] = {}
        for kind, ids in refs.items():
            if ids:
                service = _OWNERS.get(kind, _OWNER_OF_THE_REST)
                asked.setdefault(service, {})[kind] = ids[:MAX_NAMES]
        found = await asyncio.gather(
            *(self._ask(service, wanted, header) for service, wanted in asked.items())
        )
        return {id_: name for names in found for id_, name in names.items()}

    async def _ask(
        self, service: str, wanted: Mapping[str, list[str]], header: Header
    ) -> dict[str, str]:
        """Ask one service. Numbers without names are better than no numbers: a failure gives no names."""
        headers = [(b"host", b"onefunnel"), (b"content-type", b"application/json"), header]
        body = orjson.dumps(wanted)
        try:
            answer = await self._clients(service).request(
                "POST", PATH, query="", headers=headers, body=body
            )
        except ServiceUnreachable:
            _log.warning("names.unavailable", service=service)
            return {}
        if answer.status != 200:
            _log.warning("names.refused", service=service, status=answer.status)
            return {}
        names: Any = orjson.loads(answer.body)
        return {str(id_): str(name) for id_, name in names.get("names", names).items()}


def _resized(response: ServiceResponse, body: bytes) -> list[Header]:
    kept = [header for header in response.headers if header[0] != b"content-length"]
    return [*kept, (b"content-length", str(len(body)).encode())]
