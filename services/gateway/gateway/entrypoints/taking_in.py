"""Taking a delivery in, whether a CRM sent it or we tried one ourselves: judged and stored, to be read afterwards.

Those that come at about the same time share a transaction, tenant by tenant; each is judged for itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.application.deliveries import Deliveries, Genuine, StoredDelivery
from gateway.application.gathering import Gathered
from gateway.application.intake import (
    Connections,
    Endpoints,
    Refusals,
    believed,
    judged,
    told_in,
)
from gateway.application.reading import take_in
from gateway.application.sealing import Seal
from gateway.domain.connection import Connection
from gateway.domain.webhooks.providers import Provider
from gateway.domain.webhooks.reading import Unreadable
from gateway.domain.webhooks.request import Received
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.events.envelope import Metadata
from onefunnel.http.problems import Problem, invalid_value
from onefunnel.http.strict_json import guard
from onefunnel.http.writes import TenantDatabase
from onefunnel.ids import NOBODY

SOURCE: Final = "/services/gateway"
SYSTEM: Final = "system:gateway"
PAUSED_RETRY_S: Final = 60
MAX_TOGETHER: Final = 64

_JSON: Final = frozenset({"", "application/json", "text/json"})

_log = telemetry.log("webhooks")

DeliveriesOf = Callable[[AsyncConnection, Metadata], Deliveries]
ConnectionsOf = Callable[[AsyncConnection], Connections]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A request at an endpoint. What was signed may name the connection's own public URL, if it has one."""

    provider: Provider
    endpoint_id: str
    received: Callable[[str], Received]
    trace: str


class Waking(Protocol):
    """Says that something was committed that somebody waits for."""

    def __call__(self) -> None:
        """Say it."""
        ...


class Intake:
    """Takes deliveries in."""

    def __init__(
        self,
        endpoints: Endpoints,
        database: TenantDatabase,
        connections: ConnectionsOf,
        deliveries: DeliveriesOf,
        seal: Seal,
        clock: Clock,
        wake: Waking,
    ) -> None:
        self.refusals = Refusals()
        self._endpoints = endpoints
        self._database = database
        self._connections = connections
        self._deliveries = deliveries
        self._seal = seal
        self._clock = clock
        self._wake = wake
        self._gathered = Gathered(self._take_all, MAX_TOGETHER)

    async def knows(self, endpoint_id: str) -> bool:
        """Say whether there is a connection behind an endpoint."""
        return await self._endpoints.looked_up(endpoint_id) is not None

    async def take(self, given: Delivered) -> StoredDelivery:
        """Judge a request and store it. Raises `Problem`.

        Where nobody is behind the endpoint, the same is asked of the database as for a wrong signature.
        """
        known = self._endpoints.remembered(given.endpoint_id)
        tenant_id = known or await self._endpoints.looked_up(given.endpoint_id)
        try:
            return await self._gathered(tenant_id or NOBODY, given)
        except Problem as refusal:
            if known and refusal.code == "invalid-signature":
                await self._endpoints.looked_up(given.endpoint_id)  # as for one nobody remembers
            raise

    async def try_out(self, tenant_id: UUID, given: Delivered) -> StoredDelivery | None:
        """Take a request of our own in and read it at once; None if it is known. Raises `Problem`."""
        now = self._clock.now()
        metadata = Metadata(tenant_id, SOURCE, SYSTEM, given.trace, now)
        async with self._database.tenant(tenant_id) as conn:
            behind = await self._connections(conn).at({given.endpoint_id})
            connection = behind[given.endpoint_id]
            genuine = self._judged(given, connection, now)
            changes = told_in(connection, genuine.content).changes
            deliveries = self._deliveries(conn, metadata)
            stored = await take_in(genuine, connection, changes, deliveries=deliveries)
        self._wake()
        return stored

    async def _take_all(
        self, tenant_id: UUID, given: Sequence[Delivered]
    ) -> list[StoredDelivery | Exception]:
        now = self._clock.now()
        metadata = Metadata(tenant_id, SOURCE, SYSTEM, "", now)
        async with self._database.tenant(tenant_id) as conn:
            behind = await self._connections(conn).at({one.endpoint_id for one in given})
            found = [self._answered(one, behind.get(one.endpoint_id), now) for one in given]
            genuine = [one for one in found if isinstance(one, Genuine)]
            kept = iter(await self._deliveries(conn, metadata).keep(genuine))
        self._wake()
        return [next(kept) if isinstance(one, Genuine) else one for one in found]

    def _answered(
        self, given: Delivered, connection: Connection | None, now: datetime
    ) -> Genuine | Problem:
        try:
            return self._judged(given, connection, now)
        except Problem as refusal:
            return refusal

    def _judged(self, given: Delivered, connection: Connection | None, now: datetime) -> Genuine:
        received = given.received(connection.public_url if connection else "")
        verdict = judged(given.provider, connection, received, self._seal, now)
        if connection is None or not verdict.genuine:
            self._note_refusal(given, connection, verdict.reason or "")
            raise Problem("invalid-signature", "Sign the raw body with the current secret.")
        if connection.state == "paused":
            raise Problem(
                "dependency-unavailable",
                "The connection is paused.",
                headers={"Retry-After": str(PAUSED_RETRY_S)},
            )
        _check_media(given.provider, received)
        try:
            return believed(connection, received, now, verdict, given.trace)
        except Unreadable as error:
            self._note_refusal(given, connection, "unreadable")
            detail = f"This is not what this CRM sends: {error}."
            raise invalid_value(error.pointer, "unreadable", detail) from error

    def _note_refusal(self, given: Delivered, connection: Connection | None, reason: str) -> None:
        # A turn takes several requests in and belongs to none: the line says which it is about.
        _log.warning("webhook.refused", reason=reason, correlation_id=given.trace)
        if connection is not None:
            self.refusals.note(connection.id, self._clock.now(), reason)


def _check_media(provider: Provider, received: Received) -> None:
    if received.headers.get("content-encoding", "identity") != "identity":
        raise Problem("unsupported-encoding", "Send the body without Content-Encoding.")
    media, _, parameters = received.headers.get("content-type", "").partition(";")
    kind = media.strip().lower()
    if provider.media == "xml":
        if kind not in {"text/xml", "application/xml", "application/soap+xml"}:
            raise Problem("unsupported-media-type", "Send Content-Type: text/xml.")
        return
    charset = parameters.strip().lower().replace('"', "")
    if (kind not in _JSON and not kind.endswith("+json")) or charset not in {"", "charset=utf-8"}:
        raise Problem("unsupported-media-type", "Send Content-Type: application/json, in UTF-8.")
    guard(received.body)
