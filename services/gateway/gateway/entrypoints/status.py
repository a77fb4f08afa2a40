"""How every service is: asked at the moment of the question, all at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import orjson

from gateway.entrypoints.schemas import HaltedPartition, ServiceStatus, Status
from onefunnel.persistence.database import StorageUnavailable
from onefunnel.runtime import Header, ServiceClient, ServiceUnreachable

OWN: Final = "gateway"
SERVICES: Final = ("lead", "scoring", "content", "metrics")
TIMEOUT_S: Final = 2.0
PATH: Final = "/internal/status"


class StatusOfAll:
    """Asks the services; one that does not answer is not ready, and never an error."""

    def __init__(
        self,
        clients: Callable[[str], ServiceClient],
        own: Callable[[UUID], Awaitable[dict[str, Any]]],
    ) -> None:
        """Take `own`, which says how the gateway itself is, in the eyes of one tenant."""
        self._clients = clients
        self._of_gateway = own

    async def __call__(self, tenant_id: UUID, principal: Header) -> Status:
        """Return how all services are, in the eyes of one tenant."""
        *found, own = await asyncio.gather(
            *(self.of(name, principal) for name in SERVICES), self._own(tenant_id)
        )
        return Status(
            ready=own.ready and all(status.ready for status in found),
            halted=[
                HaltedPartition(service=name, **one)
                for name, status in zip((*SERVICES, OWN), (*found, own), strict=True)
                for one in (status.detail or {}).get("halted", ())
            ],
            services={**dict(zip(SERVICES, found, strict=True)), OWN: own},
        )

    async def _own(self, tenant_id: UUID) -> ServiceStatus:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return ServiceStatus(ready=True, detail=await self._of_gateway(tenant_id))
        except (TimeoutError, StorageUnavailable):
            return ServiceStatus(ready=False)

    async def of(self, service: str, principal: Header) -> ServiceStatus:
        """Return how one service is."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                ready, _ = await self._get(service, "/readyz", principal)
                known, detail = await self._get(service, PATH, principal)
        except (TimeoutError, ServiceUnreachable):
            return ServiceStatus(ready=False)
        return ServiceStatus(ready=ready, detail=detail if known else None)

    async def _get(
        self, service: str, path: str, principal: Header
    ) -> tuple[bool, dict[str, Any] | None]:
        headers = [(b"host", b"onefunnel"), principal]
        answer = await self._clients(service).request(
            "GET", path, query="", headers=headers, body=b""
        )
        content = orjson.loads(answer.body) if answer.body else None
        return answer.status in {200, 204}, content if isinstance(content, dict) else None
