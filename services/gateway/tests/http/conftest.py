"""A gateway on a real PostgreSQL before small fake services that write down what reaches them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from starlette.responses import Response

from gateway.adapters.repositories import KeyRepository
from gateway.application.catalogue import merged
from gateway.application.commands import CreateKey, create_key
from gateway.main import build, own_app, provision_tenant
from onefunnel.clock import SystemClock
from onefunnel.http.app import service_app
from onefunnel.http.bodies import Body, Id
from onefunnel.http.principal import HEADER, CurrentPrincipal, Principal, read_principal
from onefunnel.http.routing import declared, routes
from onefunnel.ids import new_id
from onefunnel.reach import ROLES, forbidden
from onefunnel.runtime import Runtime, ServiceResponse, ServiceUnreachable, Wakeups

from .crm_work import KEY, hubspot, loopback, work  # noqa: F401 - fixtures of several modules

SETTINGS = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}


class NewLead(Body):
    source: str


@dataclass
class FakeServices:
    """Every service, with what reached it."""

    apps: dict[str, FastAPI] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    tenants: list[UUID] = field(default_factory=list)
    standing: dict[str, Any] = field(default_factory=dict)
    standing_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self, name: str) -> "FakeClient":
        return FakeClient(self, name)


@dataclass
class FakeClient:
    services: FakeServices
    name: str

    async def request(
        self, method: str, path: str, *, query: str, headers: Sequence[Any], body: bytes
    ) -> ServiceResponse:
        if self.name in self.services.down:
            raise ServiceUnreachable(self.name)
        transport = httpx.ASGITransport(self.services.apps[self.name], raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            target = f"{path}?{query}" if query else path
            answer = await client.request(method, target, headers=list(headers), content=body)
        return ServiceResponse(
            answer.status_code,
            [(name.lower(), value) for name, value in answer.headers.raw],
            answer.content,
        )


@dataclass
class Gateway:
    """The gateway, its fakes, and a key for every role."""

    app: Any
    runtime: Runtime
    services: FakeServices
    tenant_id: UUID
    keys: dict[str, str]
    personal: dict[str, str]  # of people, for the roles whose rights are a person's
    stack: AsyncExitStack

    async def client(
        self, role: str | None = None, *, address: str = "127.0.0.1", **options: Any
    ) -> httpx.AsyncClient:
        key = self.personal.get(role or "") or self.keys.get(role or "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 123))
        client = httpx.AsyncClient(
            transport=transport, base_url="http://gateway.example", headers=headers, **options
        )
        return await self.stack.enter_async_context(client)

    async def other_tenant_key(self) -> str:
        made = await provision_tenant(self.runtime, "other", settings=SETTINGS)
        return made.keys["admin"]

    async def key_for(self, role: str, person_id: UUID) -> str:
        admin = await self.client("admin")
        made = await admin.post("/v1/keys", json={"role": role, "person_id": str(person_id)})
        assert made.status_code == 201, made.text
        return made.json()["key"]


async def emptied(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute(
        "TRUNCATE tenant, api_key, key_tenant, idempotency, connection, connection_endpoint,"
        " delivery, delivery_key, outbox, crm_lane, record_read, reconciliation, body_key,"
        " content_view, webhook_subscription, webhook_delivery, identity_user"
    )
    await owner.close()


@pytest.fixture(scope="module")
def gateway_database(postgres_server):
    return postgres_server.fresh("gateway")


@pytest_asyncio.fixture
async def gateway(gateway_database, open_database) -> AsyncIterator[Gateway]:
    fresh = gateway_database
    await emptied(fresh.owner_url)
    requests, worker = open_database(fresh.app_url), open_database(fresh.worker_url)
    services = fake_services()
    runtime = Runtime(
        database=lambda _: requests,
        worker_database=lambda _: worker,
        log=None,
        clock=SystemClock(),
        internal_key=KEY,
        client=services.client,
        wake=lambda: None,
        wakeups=Wakeups(),
        close=None,
    )
    made = await provision_tenant(runtime, "main", settings=SETTINGS)
    assert set(made.keys) == set(ROLES)
    service = build(runtime, document_of(runtime, services))
    personal = await personal_keys(runtime, made.tenant_id)
    async with AsyncExitStack() as stack:
        yield Gateway(service.app, runtime, services, made.tenant_id, made.keys, personal, stack)


async def personal_keys(runtime: Runtime, tenant_id: UUID) -> dict[str, str]:
    """Return keys of people for the roles whose rights are a person's."""
    found = {}
    async with runtime.worker_database("gateway").transaction() as conn:
        for role in ("rep", "manager", "marketer", "executive"):
            command, keys = CreateKey(role, "a person's", person_id=new_id()), KeyRepository(conn)
            now = runtime.clock.now()
            _, found[role] = await create_key(command, tenant_id=tenant_id, keys=keys, now=now)
    return found


def document_of(runtime: Runtime, services: FakeServices) -> dict[str, Any]:
    documents = [own_app(runtime).openapi(), *(app.openapi() for app in services.apps.values())]
    return merged(documents, {"title": "Onefunnel", "version": "1"})


def fake_services() -> FakeServices:
    services = FakeServices()
    services.apps["lead"] = _app("lead-service", _lead(services))
    services.apps["metrics"] = _app("metrics-service", _metrics(services))
    services.apps["scoring"] = _app("scoring-service", routes("scoring"))
    services.apps["content"] = _app("content-service", _content(services))
    return services


def _app(name: str, router: Any) -> FastAPI:
    async def ready() -> None:
        pass

    async def guard(principal: Principal, parameters: Mapping[str, str]) -> None:
        if not principal.rights.may:
            raise forbidden()

    return service_app(name=name, routers=[router], internal_key=KEY, ready=ready, guard=guard)


async def note(services: FakeServices, request: Request) -> None:
    known = request.headers.get(HEADER)
    services.seen.append(
        {
            "method": request.method,
            "path": request.scope["path"],
            "query": request.scope["query_string"].decode(),
            "headers": {k.decode(): v.decode() for k, v in request.scope["headers"]},
            "body": await request.body(),
            "principal": read_principal(known, KEY, SystemClock().now()) if known else None,
        }
    )


def _lead(services: FakeServices) -> Any:
    router = routes("leads")

    @router.post("/v1/leads", status_code=201, openapi_extra=declared("lead", "create", owned=True))
    async def create_lead(body: NewLead, request: Request) -> Response:
        await note(services, request)
        headers = {"Event-Id": "e1", "ETag": '"1"', "Connection": "close", "Server": "secret"}
        return Response(b'{"id":"x"}', 201, headers, media_type="application/json")

    @router.get("/v1/leads/{lead_id}", openapi_extra=declared("lead", "read", owned=True))
    async def get_lead(lead_id: Id, request: Request) -> Response:
        await note(services, request)
        return Response(b'{"refs":{"person":["a"]}}', media_type="application/json")

    @router.post("/v1/leads/{lead_id}/accept", openapi_extra=declared("lead", "accept", owned=True))
    async def accept_lead(lead_id: Id, request: Request) -> Response:
        await note(services, request)
        return Response(status_code=204)

    @router.put("/internal/tenant", openapi_extra=declared("tenant", "change", raw=True))
    async def put_tenant(request: Request, principal: CurrentPrincipal) -> Response:
        assert orjson.loads(await request.body()) == SETTINGS
        services.tenants.append(principal.tenant_id)
        return Response(status_code=204)

    @router.post("/internal/names", openapi_extra=declared("name", "read", raw=True))
    async def names(request: Request) -> dict[str, str]:
        await note(services, request)
        wanted = orjson.loads(await request.body())
        return {id_: f"{kind} {id_}" for kind, ids in wanted.items() for id_ in ids}

    return router


def _content(services: FakeServices) -> Any:
    router = routes("content")

    @router.post(
        "/v1/t/{token}/views", openapi_extra=declared("content", "view-by-token", public=True)
    )
    async def report_view(token: str, body: NewLead, request: Request) -> Response:
        await note(services, request)
        return Response(b"{}", media_type="application/json")

    return router


def _metrics(services: FakeServices) -> Any:
    router = routes("metrics")

    @router.get("/v1/funnel", openapi_extra=declared("metrics", "read", owned=True, grouped=True))
    async def get_funnel(request: Request) -> Response:
        await note(services, request)
        body = b'{"value":1,"refs":{"person":["p1"],"asset":["a1"],"deal":[]}}'
        return Response(body, media_type="application/json", headers={"X-Was": "kept"})

    @router.get(
        "/v1/compensation/statements",
        openapi_extra=declared("statement", "read", owned=True),
    )
    async def get_statement(
        request: Request, payee: Id | None = None, period: str | None = None
    ) -> Response:
        await note(services, request)
        return Response(b"{}", media_type="application/json")

    @router.get("/v1/forecast", openapi_extra=declared("metrics", "read", owned=True, grouped=True))
    async def get_forecast(request: Request, payee: Id | None = None) -> Response:
        await note(services, request)
        return Response(b"{}", media_type="application/json")

    @router.get("/internal/status")
    async def get_standing() -> dict[str, Any]:
        services.standing_asked.set()
        return services.standing

    return router
