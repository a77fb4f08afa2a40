"""The way of an event through everything that runs in the gateway's worker: log, turn, sender, receiver."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import orjson
import pytest

from gateway.main import build, provision_tenant
from onefunnel.events.topics import DEAL
from onefunnel.http.app import service_app
from onefunnel.http.routing import declared, routes
from onefunnel.log.port import Outgoing
from onefunnel.testing.receiver import receiving
from onefunnel.testing.waiting import until

from .conftest import SETTINGS
from .hooks import PATH, created, records, verified


@pytest.fixture
async def gateway(make_runtime, monkeypatch):
    monkeypatch.setenv("ONEFUNNEL_OUTGOING_LOOPBACK", "true")
    apps = {}
    runtime = make_runtime("gateway", apps=apps)
    apps["lead"] = lead_of(runtime)
    made = await provision_tenant(runtime, "main", settings=SETTINGS)
    found = build(runtime)
    transport = httpx.ASGITransport(found.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {made.keys['admin']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://gateway", headers=headers
    ) as client:
        yield Whole(runtime, made.tenant_id, found, client)


def lead_of(runtime):
    async def ready() -> None:
        pass

    router = routes("lead")

    @router.put("/internal/tenant", openapi_extra=declared("tenant", "change", raw=True))
    async def put_tenant() -> None:
        return None

    return service_app(
        name="lead-service", routers=[router], internal_key=runtime.internal_key, ready=ready
    )


class Whole:
    """A gateway with its web and its worker side."""

    def __init__(self, runtime, tenant_id, service, client):
        self.runtime, self.tenant_id, self.service, self.client = (
            runtime,
            tenant_id,
            service,
            client,
        )

    @asynccontextmanager
    async def working(self):
        stop = asyncio.Event()
        tasks = [asyncio.create_task(one(stop)) for one in self.service.background]
        try:
            yield
        finally:
            stop.set()
            self.runtime.wakeups.wake()
            await asyncio.gather(*tasks)

    async def publish(self, *values: bytes) -> None:
        writer = await self.runtime.log.open_writer("/services/lead-service", 1)
        await writer.append([Outgoing(DEAL, 0, UUID(int=9), value) for value in values])
        await writer.close()


async def test_an_event_of_the_log_reaches_the_subscriber_once(gateway):
    async with receiving() as receiver, gateway.working():
        body = {"url": receiver.url, "events": ["deal.created"]}
        made = (await gateway.client.post(PATH, json=body)).json()
        (record,) = records(gateway, created())
        await gateway.publish(record.value, record.value)
        await until(lambda: len(receiver.got) == 1)
        await until(lambda: taken_in(gateway, 2))
        looked = await gateway.service.watch()
        (got,) = receiver.got
    assert looked == []
    assert verified(got, made["secret"])["type"] == "deal.created"
    assert got.headers["webhook-id"] == str(record.event_id)


async def test_where_nobody_subscribed_to_it_an_event_leaves_nothing(gateway):
    (record,) = records(gateway, created())
    async with receiving() as receiver, gateway.working():
        body = {"url": receiver.url, "events": ["deal.won"]}
        assert (await gateway.client.post(PATH, json=body)).status_code == 201
        await gateway.publish(record.value)
        await until(lambda: taken_in(gateway, 1))
    async with gateway.runtime.worker_database("gateway").transaction() as conn:
        kept = await conn.exec_driver_sql("SELECT count(*) FROM inbox")
        assert kept.scalar_one() == 0


async def taken_in(gateway, position):
    async with gateway.runtime.worker_database("gateway").transaction() as conn:
        query = "SELECT coalesce(sum(next_position), 0) FROM stream_partition"
        return (await conn.exec_driver_sql(query)).scalar_one() == position


async def test_an_event_that_cannot_be_taken_in_is_put_aside_for_the_owner_to_settle(gateway):
    (record,) = records(gateway, created())
    broken = orjson.loads(record.value)
    broken["data"]["stage"] = 7
    async with gateway.working():
        await gateway.publish(orjson.dumps(broken))

        async def put_aside() -> bool:
            return bool(
                (await gateway.client.get("/v1/dead-letters?service=gateway")).json()["items"]
            )

        await until(put_aside)
        (letter,) = (await gateway.client.get("/v1/dead-letters?service=gateway")).json()["items"]
        one = f"/v1/dead-letters/gateway/{letter['id']}"
        assert (await gateway.client.post(f"{one}/redrive")).json()["outcome"] != "discarded"
        assert (await gateway.client.post(f"{one}/discard")).status_code == 200
        assert (await gateway.client.get(one)).json()["status"] == "discarded"
