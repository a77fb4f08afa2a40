"""What may be done to connections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from gateway.application.deliveries import (
    Deliveries,
    Meaning,
    StoredDelivery,
    Telling,
    meaning_of,
)
from gateway.application.intake import told_in
from gateway.application.reading import ask_for
from gateway.application.sealing import Seal
from gateway.domain.connection import Access, Connection, SealedSecret, new_endpoint_id
from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Change
from onefunnel.errors import conflict, invalid, not_found
from onefunnel.ids import new_id


class Connections(Protocol):
    """The connections of one tenant, in one transaction."""

    async def add(self, connection: Connection) -> None:
        """Remember a new connection and its endpoint."""
        ...

    async def get(self, id_: UUID, *, for_change: bool = False) -> Connection | None:
        """Return a connection of this tenant, locked if it is to be changed; None if there is none."""
        ...

    async def save(self, connection: Connection) -> None:
        """Write a connection back that was got for change."""
        ...

    async def after(self, last: UUID | None, limit: int) -> Sequence[Connection]:
        """Return `limit` connections after `last`, newest first."""
        ...


class DeliveryStore(Deliveries, Protocol):
    """The deliveries of one tenant, to be looked at again."""

    async def get(self, connection_id: UUID, id_: UUID) -> StoredDelivery | None:
        """Return one delivery of a connection."""
        ...

    async def save(self, delivery: StoredDelivery) -> None:
        """Note what became of a delivery."""
        ...

    async def after(
        self, connection_id: UUID, last: UUID | None, limit: int
    ) -> Sequence[StoredDelivery]:
        """Return `limit` deliveries of a connection after `last`, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect a CRM."""

    provider: str
    name: str
    source: str
    mapping: Mapping[str, Any]
    secret: str | None = field(default=None, repr=False)
    public_url: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    url_is_known: bool = False
    access: Access | None = None


async def connect(
    command: Connect, *, tenant_id: UUID, connections: Connections, seal: Seal, now: datetime
) -> tuple[Connection, str | None]:
    """Make a connection and return it with the secret that was made for it, if one was."""
    provider = PROVIDERS[command.provider]
    if provider.needs_url and not (command.public_url or command.url_is_known):
        raise invalid(
            "This CRM signs the URL: say how it reaches this gateway.", pointer="/public_url"
        )
    for name in provider.needs:
        if name not in command.settings:
            raise invalid(
                "This CRM's requests cannot be checked without it.", pointer=f"/settings/{name}"
            )
    secret, made = _secret(command.provider, command.secret)
    connection = Connection(
        id=new_id(),
        tenant_id=tenant_id,
        endpoint_id=new_endpoint_id(),
        provider=command.provider,
        name=command.name,
        source=command.source,
        created_at=now,
        mapping=command.mapping,
        settings=command.settings,
        public_url=command.public_url,
        secrets=(_sealed(secret, seal, now),),
        access=command.access,
    )
    await connections.add(connection)
    return connection, made


async def got(connections: Connections, id_: UUID, *, for_change: bool = False) -> Connection:
    """Return a connection or say that there is none."""
    found = await connections.get(id_, for_change=for_change)
    if found is None:
        raise not_found("connection")
    return found


async def saved(connections: Connections, connection: Connection) -> Connection:
    """Write a changed connection under its next version."""
    changed = replace(connection, version=connection.version + 1)
    await connections.save(changed)
    return changed


async def rotate(
    id_: UUID,
    secret: str | None,
    overlap: timedelta,
    *,
    connections: Connections,
    seal: Seal,
    now: datetime,
) -> tuple[Connection, str | None]:
    """Put a new secret in force; the old one is believed until the overlap ends."""
    connection = await got(connections, id_, for_change=True)
    text, made = _secret(connection.provider, secret)
    rotated = connection.rotated(_sealed(text, seal, now), now=now, overlap=overlap)
    return await saved(connections, rotated), made


async def meaning_now(
    connection: Connection, delivery_id: UUID, *, deliveries: DeliveryStore
) -> tuple[StoredDelivery, Sequence[Change], Meaning]:
    """Return a stored delivery and what it would become under the mapping of now."""
    delivery = await deliveries.get(connection.id, delivery_id)
    if delivery is None:
        raise not_found("delivery")
    told = told_in(connection, await deliveries.content(delivery))
    meaning = meaning_of(told.changes, connection, delivery.id, delivery.received_at)
    return delivery, told.changes, meaning


async def replay(
    connection: Connection, delivery_id: UUID, *, deliveries: DeliveryStore
) -> StoredDelivery:
    """Tell a stored delivery again; whoever knows it already is told nothing new."""
    delivery, changes, meaning = await meaning_now(connection, delivery_id, deliveries=deliveries)
    if delivery.status == "stored":
        raise conflict("It waits to be read; replay it after.")
    again = replace(delivery, changes=len(changes)).come_to(meaning)
    await deliveries.settle([Telling(again, meaning.events)])
    await ask_for(changes, again, connection, deliveries=deliveries)
    return again


def _secret(provider_name: str, given: str | None) -> tuple[str, str | None]:
    """Return the secret to keep, and the same once more if it was made here and has to be shown."""
    provider = PROVIDERS[provider_name]
    if given is not None:
        if not provider.takes(given):
            raise invalid("This is no secret of this CRM's form.", pointer="/secret")
        return given, None
    if provider.makes_secrets:
        raise invalid("This CRM makes the secret; give it here.", pointer="/secret")
    made = provider.new_secret()
    return made, made


def _sealed(secret: str, seal: Seal, now: datetime) -> SealedSecret:
    id_ = new_id()
    return SealedSecret(id_, seal.close(secret.encode(), id_), now)
