"""The gateway, put together: the only file that knows all its rooms."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from typing import Any
from uuid import UUID

import orjson
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Scope

from gateway.adapters.connections import ConnectionRepository, DatabaseEndpoints
from gateway.adapters.deliveries import DatabaseUnread
from gateway.adapters.reconciliations import RunRepository
from gateway.adapters.repositories import KeyRepository, TenantRepository
from gateway.adapters.subscriptions import OutgoingDeliveryRepository, SubscriptionRepository
from gateway.adapters.users import UserRepository
from gateway.adapters.views import tenant_name
from gateway.application.catalogue import Operation, RouteTable, operations_of
from gateway.application.commands import CreateKey, Provisioned, create_key, provision
from gateway.application.sealing import Seal
from gateway.background import (
    addresses_of,
    background,
    deliveries_of,
    outgoing_rules,
    reacting,
    watch,
)
from gateway.door import NAME, SYSTEM, doorkeeper_of
from gateway.entrypoints.audits import Audits
from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.browsers import Frontends
from gateway.entrypoints.connection_means import Means
from gateway.entrypoints.consumers import GROUP
from gateway.entrypoints.documents import public_routes
from gateway.entrypoints.exports import MEDIA, Exports
from gateway.entrypoints.front import Front
from gateway.entrypoints.http_audit import audit_routes
from gateway.entrypoints.http_connections import connection_routes
from gateway.entrypoints.http_identity import identity_routes
from gateway.entrypoints.http_keys import key_routes
from gateway.entrypoints.http_operations import operation_routes
from gateway.entrypoints.http_reconciliations import Reconciling, reconciliation_routes
from gateway.entrypoints.http_subscriptions import SubscriptionMeans, subscription_routes
from gateway.entrypoints.http_users import UserMeans, user_routes
from gateway.entrypoints.http_webhooks import webhook_routes
from gateway.entrypoints.limits import Limits
from gateway.entrypoints.names import Names
from gateway.entrypoints.operations import Operations
from gateway.entrypoints.standing import asker
from gateway.entrypoints.status import StatusOfAll
from gateway.entrypoints.streams import Hints
from gateway.entrypoints.taking_in import Intake
from gateway.entrypoints.visitors import Visitors
from gateway.settings import GatewaySettings
from onefunnel.audit.entry import Marks
from onefunnel.audit.rows import add
from onefunnel.audit.witness import row_of_file, row_without_request
from onefunnel.http.app import service_app
from onefunnel.http.edge import Edge
from onefunnel.http.operating import operating_routes
from onefunnel.http.principal import Principal
from onefunnel.http.reads import read_dependency
from onefunnel.http.writes import write_dependency
from onefunnel.log.halts import halted
from onefunnel.log.operating import OperatedReactions
from onefunnel.outbox.standing import outbox_standing
from onefunnel.persistence.database import driver_of
from onefunnel.profiles.clients import DirectClient
from onefunnel.reach import Role
from onefunnel.runtime import Runtime, ServiceClient, ServiceUnreachable
from onefunnel.service import Service


def build(runtime: Runtime, document: Mapping[str, Any] | None = None) -> Service:
    """Return the gateway. Raises `BadCatalogue` if an operation does not say what it does to what."""
    catalogue = document or checked_in_document()
    doorkeeper = doorkeeper_of(runtime)
    own = own_app(runtime, doorkeeper)
    own.router.routes.extend(public_routes(catalogue))
    table = RouteTable(operations_of(catalogue))
    settings = GatewaySettings()
    limits = Limits(
        settings.rate_limit,
        settings.rate_window_s,
        failures=settings.failure_limit,
        visits=settings.visit_limit,
    )
    front = Front(
        own,
        table,
        doorkeeper,
        runtime.client,
        Names(runtime.client),
        limits,
        Visitors(doorkeeper, limits, runtime.clock, runtime.internal_key),
        Frontends(origin for part in settings.frontends.split(",") if (origin := part.strip())),
        Exports(runtime.clock),
        partial(_exported, runtime),
    )
    return Service(
        NAME,
        Edge(front, NAME, also=(MEDIA,)),
        background=background(runtime),
        watch=watch(runtime),
    )


def own_app(runtime: Runtime, doorkeeper: Doorkeeper | None = None) -> FastAPI:
    """Return the application of the gateway's own operations; its OpenAPI goes into the catalogue."""
    database = runtime.database(NAME)
    door = doorkeeper or doorkeeper_of(runtime)
    write_of = write_dependency(database, runtime.wake, runtime.clock)
    read_of = read_dependency(database)
    hints = Hints(asker(runtime.client, door))
    settings = GatewaySettings()
    public_url = settings.public_url
    seal = Seal(runtime.internal_key)
    deliveries = deliveries_of(seal)
    intake = Intake(
        DatabaseEndpoints(database), database, ConnectionRepository, deliveries, seal,
        runtime.clock, runtime.wake,
    )  # fmt: skip
    means = Means(
        write_of, read_of, ConnectionRepository, deliveries, intake, seal, runtime.clock,
        public_url, addresses_of(settings),
    )  # fmt: skip

    subscriptions = SubscriptionMeans(
        write_of, read_of, SubscriptionRepository, OutgoingDeliveryRepository, seal, runtime.clock,
        outgoing_rules(),
    )  # fmt: skip

    async def standing(tenant_id: UUID) -> dict[str, Any]:
        async with runtime.worker_database(NAME).transaction() as conn:
            stopped = [asdict(one) for one in await halted(driver_of(conn), GROUP)]
        worker = runtime.worker_database(NAME)
        outbox = await outbox_standing(worker, runtime.clock.now(), tenant_id)
        unread = await DatabaseUnread(worker).standing(tenant_id, runtime.clock.now())
        return {"outbox": outbox, "unread": unread, "halted": stopped}

    async def ready() -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))

    return service_app(
        name=NAME,
        routers=[
            key_routes(write_of, read_of, KeyRepository, door, runtime.clock),
            user_routes(UserMeans(write_of, read_of, UserRepository, door, runtime.clock)),
            connection_routes(means),
            reconciliation_routes(
                Reconciling(write_of, read_of, ConnectionRepository, RunRepository, runtime.clock)
            ),
            webhook_routes(intake, public_url),
            subscription_routes(subscriptions),
            identity_routes(
                read_of, tenant_name, StatusOfAll(runtime.client, standing), hints, door
            ),
            operation_routes(Operations(_operated(runtime, ready)), door),
            audit_routes(read_of, Audits(runtime.client, door)),
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
        partial(runtime.worker_database, NAME), GROUP, reacting(runtime), runtime.wake
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
        for role in made.keys:
            await _witness_key(runtime, conn, made.tenant_id, role)
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
        await _witness_key(runtime, conn, tenant_id, command.role)
    return tenant_id, text


async def _witness_key(
    runtime: Runtime, conn: AsyncConnection, tenant_id: UUID, role: Role
) -> None:
    """Add to the audit that an operator, who asks no API, made a key of a role."""
    system = Principal(tenant_id, SYSTEM, "admin")
    row = row_without_request(
        system, Marks(runtime.internal_key), runtime.clock.now(), ("api_key", "create"), role=role
    )
    await add(driver_of(conn), row)


async def _exported(
    runtime: Runtime, principal: Principal, operation: Operation, scope: Scope
) -> None:
    """Add to the audit that somebody takes a list along, before any of it is given."""
    row = row_of_file(
        principal,
        Marks(runtime.internal_key),
        runtime.clock.now(),
        resource=operation.resource,
        operation=operation.operation_id,
        request_id=str(scope["onefunnel.request_id"]),
        target=f"GET {scope['path']}?".encode() + scope["query_string"],
    )
    async with runtime.database(NAME).tenant(principal.tenant_id) as conn:
        await add(driver_of(conn), row)


async def _announce(runtime: Runtime, tenant_id: UUID, settings: Mapping[str, object]) -> None:
    system = Principal(tenant_id, SYSTEM, "admin")
    headers = [
        (b"host", b"onefunnel"),
        (b"content-type", b"application/json"),
        doorkeeper_of(runtime).signed(system),
    ]
    answer = await runtime.client("lead").request(
        "PUT", "/internal/tenant", query="", headers=headers, body=orjson.dumps(dict(settings))
    )
    if answer.status >= 300:
        raise ServiceUnreachable(f"lead-service answered {answer.status} to the tenant's settings")
