"""The gateway, put together: the only file that knows all its rooms."""

import asyncio
from collections.abc import Iterable, Mapping
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
from gateway.adapters.users import DatabaseUserStore, UserRepository
from gateway.adapters.views import tenant_name
from gateway.application.catalogue import RouteTable, operations_of
from gateway.application.commands import CreateKey, Provisioned, create_key, provision
from gateway.application.sealing import Seal
from gateway.domain.rights import Role
from gateway.domain.token import TokenRules
from gateway.entrypoints.authentication import Doorkeeper, Provider
from gateway.entrypoints.documents import public_routes
from gateway.entrypoints.front import Front
from gateway.entrypoints.http_connections import Means, connection_routes
from gateway.entrypoints.http_identity import identity_routes
from gateway.entrypoints.http_keys import key_routes
from gateway.entrypoints.http_operations import operation_routes
from gateway.entrypoints.http_users import UserMeans, user_routes
from gateway.entrypoints.http_webhooks import SOURCE, Intake, webhook_routes
from gateway.entrypoints.names import Names
from gateway.entrypoints.operations import Operations
from gateway.entrypoints.standing import asker
from gateway.entrypoints.status import StatusOfAll
from gateway.entrypoints.streams import Hints
from gateway.settings import GatewaySettings
from onefunnel.clock import Clock
from onefunnel.http.app import service_app
from onefunnel.http.edge import Edge
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.principal import Principal
from onefunnel.http.reads import read_dependency
from onefunnel.http.writes import write_dependency
from onefunnel.outbox.relay import Relay
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime, ServiceUnreachable
from onefunnel.service import Background, Service
from onefunnel.watch import Watcher

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
        background=(relay(runtime), partial(_forget, runtime)),
        watch=Watcher(NAME, runtime.worker_database(NAME), runtime.clock),
    )


def relay(runtime: Runtime) -> Background:
    """Return what carries the gateway's events to the log."""

    async def run(stop: asyncio.Event) -> None:
        database = runtime.worker_database(NAME)
        await Relay(database, runtime.log, SOURCE, runtime.wakeups.listen()).run(stop)

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
    status = StatusOfAll(runtime.client)

    async def ready() -> None:
        async with database.transaction() as conn:
            await conn.execute(text("SELECT 1"))

    return service_app(
        name=NAME,
        routers=[
            key_routes(write_of, read_of, KeyRepository, door, runtime.clock),
            user_routes(UserMeans(write_of, read_of, UserRepository, door, runtime.clock)),
            connection_routes(means),
            webhook_routes(intake, public_url),
            identity_routes(read_of, tenant_name, status, hints, door),
            operation_routes(Operations(runtime.client), door),
        ],
        internal_key=runtime.internal_key,
        ready=ready,
        clock=runtime.clock,
    )


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
    database = runtime.database(NAME)
    provider = _provider(database, runtime.clock, GatewaySettings())
    return Doorkeeper(DatabaseKeyStore(database), runtime.clock, runtime.internal_key, provider)


def _provider(database: Database, clock: Clock, settings: GatewaySettings) -> Provider | None:
    """Return the identity provider of this installation; its libraries are loaded only where there is one."""
    if not settings.has_provider:
        return None
    from gateway.adapters.jwks import ProviderKeys
    from gateway.adapters.tokens import TokenVerifier

    rules = TokenRules(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        max_life_s=settings.oidc_max_life_s,
        tenant_claim=settings.oidc_tenant_claim,
        role_claim=settings.oidc_role_claim,
        person_claim=settings.oidc_person_claim,
    )
    tokens = TokenVerifier(ProviderKeys(settings.oidc_jwks_url), rules, clock)
    return Provider(tokens, DatabaseUserStore(database))


async def _forget(runtime: Runtime, stop: asyncio.Event) -> None:
    await forget_answers(runtime.worker_database(NAME), runtime.clock, stop)
