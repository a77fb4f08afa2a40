"""What came in about somebody who was erased here is in no body, whichever CRM it came from."""

from typing import Any
from uuid import UUID

import pytest

from gateway.background import erasing
from onefunnel.clock import SystemClock
from onefunnel.events.envelope import Metadata, decode, encode
from onefunnel.events.privacy import SubjectErased
from onefunnel.ids import derived_id, new_id

from .test_webhooks import connected, rows, send, won


async def erased(gateway: Any, subject: UUID, tenant: UUID | None = None, **more: Any) -> None:
    """Let the gateway hear of an erasure, as its reactions would."""
    now, tenant = SystemClock().now(), tenant or gateway.tenant_id
    event = SubjectErased(subject_id=subject, kind="lead", erased_at=now, **more)
    (record,) = encode([event], Metadata(tenant, "/services/lead-service", "key", "run", now))
    async with gateway.runtime.worker_database("gateway").tenant(tenant) as conn:
        await erasing(gateway.runtime)(conn, decode(record.value), event)


async def sizes(gateway: Any) -> list[int]:
    """Return how long the bodies are, in the order in which they came."""
    found = await rows(gateway, "SELECT octet_length(sealed) AS n FROM delivery ORDER BY id")
    return [row["n"] for row in found]


async def id_of(gateway: Any, kind: str, name: str) -> UUID:
    (row,) = await rows(gateway, "SELECT source FROM connection")
    return derived_id(gateway.tenant_id, row["source"], kind, name)


def captured(name: str) -> dict[str, Any]:
    data = {"id": name, "source": "web", "email": "ada@byron.example"}
    return {"type": "lead.captured", "timestamp": "2026-11-17T09:30:00.000Z", "data": data}


@pytest.fixture
async def taken_in(gateway: Any) -> Any:
    """Take in two leads and two deals."""
    to = await connected(gateway, "standard")
    for n, body in enumerate([captured("L-1"), captured("L-2"), won("D-1"), won("D-2")]):
        assert (await send(gateway, to.sent(body, id=f"msg_{n}"))).status_code == 200
    assert all(await sizes(gateway))
    return to


async def test_the_bodies_about_a_lead_and_its_deals_go_and_no_others(gateway, taken_in):
    deal = await id_of(gateway, "deal", "D-2")

    await erased(gateway, await id_of(gateway, "lead", "L-1"), deals=(deal,))

    assert [n > 0 for n in await sizes(gateway)] == [False, True, True, False]
    admin = await gateway.client("admin")
    listed = await admin.get(f"/v1/connections/{taken_in.id}/deliveries")
    first = listed.json()["items"][-1]
    assert first["erased_at"] is not None
    path = f"/v1/connections/{taken_in.id}/deliveries/{first['id']}/replay"
    assert (await admin.post(path)).status_code == 410


async def test_the_same_person_under_another_id_is_found(gateway, taken_in):
    await erased(gateway, new_id(), same=(await id_of(gateway, "lead", "L-2"),))

    assert [n > 0 for n in await sizes(gateway)] == [True, False, True, True]


async def test_of_nobody_who_came_in_and_in_another_tenant_nothing_goes(gateway, taken_in):
    await erased(gateway, new_id())
    await erased(gateway, await id_of(gateway, "lead", "L-1"), tenant=new_id())

    assert all(await sizes(gateway))
