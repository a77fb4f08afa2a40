"""The gateway, put together: the only file that knows all its rooms."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import FastAPI
from sqlalchemy import text

from gateway.adapters.connections import (
    ConnectionRepository,
    DatabaseEndpoints,
    DeliveryRepository,
)
from gateway.adapters.repositories import DatabaseKeyStore, KeyRepository, TenantRepository
from gateway.adapters.sending import DatabaseAnnouncements, DatabaseClaims
from gateway.adapters.subscriptions import OutgoingDeliveryRepository, SubscriptionRepository
from gateway.adapters.views import tenant_name
from gateway.application.catalogue import RouteTable, operations_of
from gateway.application.commands import CreateKey, Provisioned, create_key, provision
from gateway.application.sealing import Seal
from gateway.domain.roles import Role
from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.consumers import GROUP, handlers
from gateway.entrypoints.documents import public_routes
from gateway.entrypoints.front import Front
from gateway.entrypoints.http_connections import Means, connection_routes
from gateway.entrypoints.http_identity import identity_routes
from gateway.entrypoints.http_keys import key_routes
from gateway.entrypoints.http_operations import operation_routes
from gateway.entrypoints.http_subscriptions import SubscriptionMeans, subscription_routes
from gateway.entrypoints.http_webhooks import SOURCE, Intake, webhook_routes
from gateway.entrypoints.names import Names
from gateway.entrypoints.operations import Operations
from gateway.entrypoints.sender import Sender, WebhookWatch
from gateway.entrypoints.standing import asker
from gateway.entrypoints.status import StatusOfAll
from gateway.entrypoints.streams import Hints
from gateway.settings import GatewaySettings
from onefunnel.http.app import service_app
from onefunnel.http.edge import Edge
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.operating import operating_routes
from onefunnel.http.outgoing import Outgoing, Rules
from onefunnel.http.principal import Principal
from onefunnel.http.reads import read_dependency
from onefunnel.http.writes import write_dependency
from onefunnel.log.arrivals import Handler
from onefunnel.log.consumer import Reactions
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.log.halts import halted
from onefunnel.log.operating import OperatedReactions
from onefunnel.outbox.relay import Relay
from onefunnel.outbox.standing import outbox_standing
from onefunnel.persistence.database import driver_of
from onefunnel.profiles.clients import DirectClient
from onefunnel.runtime import Runtime, ServiceClient, ServiceUnreachable
from onefunnel.service import Background, Service
from onefunnel.watch import Consumer, Watch, Watcher

NAME: Final = "gateway"
SYSTEM: Final = "system:gateway"


def build(runtime: Runtime, document: Mapping[str, Any] | None = None) -> Service:
    """Return the gateway. Raises `BadCatalogue` if an operation does not say what it does to what."""
    catalogue = document or checked_in_document()
    doorkeeper = _doorkeeper(runtime)
    own = own_app(runtime, doorkeeper)
    own.router.routes.extend(public_routes(catalogue))
    table = RouteTable(operations_of(catalogue))
    front = Front(own, table, doorkeeper, runtime.client, Names(runtime.client))
    return Service(
        NAME,
        Edge(front, NAME),
        background=(
            relay(runtime),
            reactions(runtime),
            sender(runtime),
            partial(_forget, runtime),
        ),
        watch=_watch(runtime),
    )


def relay(runtime: Runtime) -> Background:
    """Return what carries the gateway's events to the log."""

    async def run(stop: asyncio.Event) -> None:
        database = runtime.worker_database(NAME)
        await Relay(database, runtime.log, SOURCE, runtime.wakeups.listen()).run(stop)

    return run


def reactions(runtime: Runtime) -> Background:
    """Return what listens to the services for those who subscribed."""
    return Reactions(
        runtime.worker_database(NAME),
        runtime.log,
        GROUP,
        _handlers(runtime),
        wake=runtime.wakeups.wake,
    ).run


def sender(runtime: Runtime) -> Background:
    """Return what sends to those who subscribed."""
    rules, seal = _rules(), Seal(runtime.internal_key)

    async def run(stop: asyncio.Event) -> None:
        claims = DatabaseClaims(runtime.worker_database(NAME))
        listener = runtime.wakeups.listen()
        await Sender(claims, lambda: Outgoing(rules), seal, runtime.clock, listener).run(stop)

    return run


def own_app(runtime: Runtime, doorkeeper: Doorkeeper | None = None) -> FastAPI:
    """Return the application of the gateway's own operations; its OpenAPI goes into the catalogue."""
    database = runtime.database(NAME)
    door = doorkeeper or _doorkeeper(runtime)
    write_of = write_dependency(database, runtime.wake, runtime.clock)
    read_of = read_dependency(database)
    hints = Hints(asker(runtime.client, door))
    public_url = GatewaySettings().public_url
    seal = Seal(runtime.internal_key)
    intake = Intake(
        DatabaseEndpoints(database), database, DeliveryRepository, seal, runtime.clock, runtime.wake
    )
    means = Means(
        write_of, read_of, ConnectionRepository, DeliveryRepository, intake, seal, runtime.clock,
        public_url,
    )  # fmt: skip

    subscriptions = SubscriptionMeans(
        write_of, read_of, SubscriptionRepository, OutgoingDeliveryRepository, seal, runtime.clock,
        _rules(),
    )  # fmt: skip

    async def standing() -> dict[str, Any]:
        async with runtime.worker_database(NAME).transaction() as conn:
            stopped = [asdict(one) for one in await halted(driver_of(conn), GROUP)]
        outbox = await outbox_standing(runtime.worker_database(NAME), runtime.clock.now())
        return {"outbox": outbox, "halted": stopped}

    async def ready() -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))

    return service_app(
        name=NAME,
        routers=[
            key_routes(write_of, read_of, KeyRepository, door, runtime.clock),
            connection_routes(means),
            webhook_routes(intake, public_url),
            subscription_routes(subscriptions),
            identity_routes(
                read_of, tenant_name, StatusOfAll(runtime.client, standing), hints, door
            ),
            operation_routes(Operations(_operated(runtime, ready)), door),
        ],
        internal_key=runtime.internal_key,
        ready=ready,
        clock=runtime.clock,
    )


def _operated(
    runtime: Runtime, ready: Callable[[], Awaitable[None]]
) -> Callable[[str], ServiceClient]:
    """Return who is asked about a service's consumer: for the gateway's own, an application in here."""
    own = OperatedReactions(
        partial(runtime.worker_database, NAME), GROUP, _handlers(runtime), runtime.wake
    )
    inside = service_app(
        name=NAME,
        routers=[operating_routes(own)],
        internal_key=runtime.internal_key,
        ready=ready,
        clock=runtime.clock,
    )
    return lambda name: DirectClient(lambda: inside) if name == NAME else runtime.client(name)


def checked_in_document() -> dict[str, Any]:
    """Return the catalogue that `make catalogue` wrote."""
    content = files("gateway").joinpath("openapi.json").read_bytes()
    document: dict[str, Any] = orjson.loads(content)
    return document


async def provision_tenant(
    runtime: Runtime, name: str, *, has: Iterable[Role] = (), settings: Mapping[str, object]
) -> Provisioned:
    """Make a tenant ready for use, however often it is called: rows, development keys, its settings.

    `has` names the roles whose development key the caller still holds; the others get a new one,
    which is returned and cannot be shown again. `settings` are `time_zone`, `currency` and
    `fiscal_year_start`, as lead-service takes them.
    """
    async with runtime.worker_database(NAME).transaction() as conn:
        tenants = TenantRepository(conn)
        made = await provision(name, has=has, tenants=tenants, now=runtime.clock.now())
    await _announce(runtime, made.tenant_id, settings)
    return made


async def create_tenant(
    runtime: Runtime, name: str, *, settings: Mapping[str, object]
) -> tuple[UUID, str]:
    """Make a tenant if it is missing, give it its settings, and return it with a key of its owner.

    Each call makes one more key and shows it once; whoever lost theirs calls again.
    """
    worker = runtime.worker_database(NAME)
    async with worker.transaction() as conn:
        tenant_id = await TenantRepository(conn).ensure(name)
    await _announce(runtime, tenant_id, settings)
    async with worker.transaction() as conn:
        command, keys = CreateKey("admin", "made by an operator"), KeyRepository(conn)
        _, text = await create_key(command, tenant_id=tenant_id, keys=keys, now=runtime.clock.now())
    return tenant_id, text


async def _announce(runtime: Runtime, tenant_id: UUID, settings: Mapping[str, object]) -> None:
    system = Principal(tenant_id, SYSTEM, "admin")
    headers = [
        (b"host", b"onefunnel"),
        (b"content-type", b"application/json"),
        _doorkeeper(runtime).signed(system),
    ]
    answer = await runtime.client("lead").request(
        "PUT", "/internal/tenant", query="", headers=headers, body=orjson.dumps(dict(settings))
    )
    if answer.status >= 300:
        raise ServiceUnreachable(f"lead-service answered {answer.status} to the tenant's settings")


def _doorkeeper(runtime: Runtime) -> Doorkeeper:
    store = DatabaseKeyStore(runtime.database(NAME))
    return Doorkeeper(store, runtime.clock, runtime.internal_key)


def _rules() -> Rules:
    return Rules(loopback=GatewaySettings().outgoing_loopback)


def _handlers(runtime: Runtime) -> Mapping[str, Handler]:
    return handlers(DatabaseAnnouncements, runtime.clock)


def _watch(runtime: Runtime) -> Watch:
    database = runtime.worker_database(NAME)
    own = Watcher(NAME, database, runtime.clock, Consumer(GROUP, COUNT_OPEN, runtime.log))
    return WebhookWatch(own, DatabaseClaims(database).standing, runtime.clock)


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(NAME), runtime.clock, stop)
