"""What the routes of connections work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.application.access import access_of
from gateway.application.connections import Connections, DeliveryStore
from gateway.application.sealing import Seal
from gateway.domain.connection import Access, Connection
from gateway.domain.crm_api.apis import Addresses
from gateway.entrypoints.connection_schemas import AccessIn, ConnectionView, shown
from gateway.entrypoints.taking_in import Intake
from onefunnel.clock import Clock
from onefunnel.http.reads import Read
from onefunnel.http.writes import Write


@dataclass(frozen=True)
class Means:
    """What these routes work with."""

    write_of: Callable[..., Awaitable[Write]]
    read_of: Callable[..., Awaitable[Read]]
    connections: Callable[[Any], Connections]
    deliveries: Callable[[Any, Any], DeliveryStore]
    intake: Intake
    seal: Seal
    clock: Clock
    public_url: str
    addresses: Addresses

    def access(self, provider: str, given: AccessIn | None) -> Access | None:
        """Return the access that was given, to be kept."""
        if given is None:
            return None
        return access_of(
            provider,
            given.given(),
            addresses=self.addresses,
            seal=self.seal,
            now=self.clock.now(),
        )

    def view(self, connection: Connection) -> ConnectionView:
        """Return what may be read about a connection."""
        return shown(connection, self.public_url)
