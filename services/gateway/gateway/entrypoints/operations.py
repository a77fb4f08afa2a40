"""The consumers of all services in the hands of one operator: asked for by the service's name."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, get_args

import orjson
from starlette.responses import Response

from gateway.entrypoints.schemas import DeadLetterView
from onefunnel.http.problems import Problem
from onefunnel.runtime import Header, ServiceClient, ServiceResponse, ServiceUnreachable

# The services that take in events of the log.
Consumer = Literal["lead", "scoring", "content", "metrics", "gateway"]
CONSUMERS: Final[tuple[Consumer, ...]] = get_args(Consumer)


class Letters(NamedTuple):
    """Which dead letters are asked for: of one service or all, behind one of them."""

    service: Consumer | None
    status: str | None
    after: tuple[Consumer, int] | None
    limit: int


class Operations:
    """Asks the services behind the gateway; each knows only its own."""

    def __init__(self, clients: Callable[[str], ServiceClient]) -> None:
        self._clients = clients

    async def letters(self, wanted: Letters, principal: Header) -> list[DeadLetterView]:
        """Return dead letters, service by service, each oldest first."""
        first, after = wanted.after or (CONSUMERS[0], 0)
        asked = (wanted.service,) if wanted.service else CONSUMERS[CONSUMERS.index(first) :]
        found: list[DeadLetterView] = []
        for service in asked:
            if (room := wanted.limit - len(found)) > 0:
                behind = after if service == first else 0
                found += await self._letters(service, wanted.status, behind, room, principal)
        return found

    async def one(self, service: Consumer, dead_id: int, principal: Header) -> Response:
        """Return one dead letter."""
        path = f"/internal/dead-letters/{dead_id}"
        return _named(service, await self._asked(service, "GET", path, principal))

    async def settle(
        self, service: Consumer, dead_id: int, how: str, principal: Header
    ) -> Response:
        """Redrive or discard one."""
        path = f"/internal/dead-letters/{dead_id}/{how}"
        answer = await self._asked(service, "POST", path, principal)
        return _named(service, answer, id=dead_id)

    async def resume(
        self, service: Consumer, topic: str, partition: int, principal: Header
    ) -> Response:
        """Let a halted partition go on."""
        path = f"/internal/partitions/{topic}/{partition}/resume"
        return _named(service, await self._asked(service, "POST", path, principal))

    async def _letters(
        self, service: Consumer, status: str | None, after: int, limit: int, principal: Header
    ) -> list[DeadLetterView]:
        query = f"after={after}&limit={limit}" + (f"&status={status}" if status else "")
        answer = await self._asked(service, "GET", "/internal/dead-letters", principal, query=query)
        if answer.status != 200:
            raise _unavailable(service)
        return [DeadLetterView(service=service, **one) for one in orjson.loads(answer.body)]

    async def _asked(
        self, service: Consumer, method: str, path: str, principal: Header, *, query: str = ""
    ) -> ServiceResponse:
        headers = [(b"host", b"onefunnel"), principal]
        try:
            return await self._clients(service).request(
                method, path, query=query, headers=headers, body=b""
            )
        except ServiceUnreachable as error:
            raise _unavailable(service) from error


def _unavailable(service: Consumer) -> Problem:
    detail = f"The {service} service cannot be reached; ?service= asks for another one alone."
    return Problem("dependency-unavailable", detail)


def _named(service: Consumer, answer: ServiceResponse, **more: object) -> Response:
    """Return the service's answer with its name in it; a problem as it came."""
    kind = dict(answer.headers).get(b"content-type", b"application/json").decode("latin-1")
    if answer.status != 200:
        return Response(answer.body, answer.status, media_type=kind)
    content = {"service": service, **more, **orjson.loads(answer.body)}
    return Response(orjson.dumps(content), media_type=kind)
