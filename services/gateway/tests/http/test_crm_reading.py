"""Records that a CRM only hints at: read there, told on once, and seen where it fails."""

import asyncio
import contextlib
from typing import Any

import pytest

from gateway.adapters.crm_api import CrmHttp
from gateway.application.asking import Unreachable
from gateway.application.sealing import Seal
from gateway.domain.crm_api.apis import Addresses

from .conftest import KEY
from .crm_work import Work, a_deal, api, changed
from .test_webhooks import connected, deal_stage, rows, send, told
from .vendors import TOKEN, FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

ZOHO_ID = "6756839000000575405"
GUID = "9bfa0c1d-2c3b-4c0e-9d2e-0c5f3a1b7e11"


async def deliveries(gateway: Any, to: Any) -> list[dict[str, Any]]:
    admin = await gateway.client("admin")
    found = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()["items"]
    return list(reversed(found))


async def codes(gateway: Any, to: Any) -> list[list[str]]:
    return [[fault["code"] for fault in one["faults"]] for one in await deliveries(gateway, to)]


async def test_a_thin_event_becomes_the_whole_record(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    assert await work.all() == 1
    thin, whole = await told(gateway)
    assert ("amount" in {k for k, v in thin.items() if v}, whole["amount"]) == (False, "48250.5")
    assert (whole["cost"], whole["currency"], whole["stage"]) == ("30100", "EUR", "negotiation")
    assert whole["occurred_at"] == "2026-11-17T09:30:00.400000Z"
    assert whole["record_id"] == thin["record_id"]
    asked = hubspot.asked[0]
    assert asked.path == "/crm/v3/objects/deals/batch/read"
    assert {"cost", "hs_is_closed_won", "dealstage"} <= set(asked.body["properties"])
    assert await work.all() == 0


async def test_a_burst_for_one_deal_is_one_read_of_it(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    for n in range(5):
        await send(gateway, to.sent(deal_stage(eventId=n, occurredAt=1794907800000 + n)))
    assert await work.all() == 1
    (asked,) = hubspot.asked
    assert asked.body["inputs"] == [{"id": "18822031177"}]
    assert await rows(gateway, "SELECT 1 FROM record_read") == []


async def test_more_records_than_a_batch_takes_are_read_in_several(gateway, work, hubspot):
    events = []
    for n in range(130):
        hubspot.put("deals", str(n + 1), **a_deal())
        events += deal_stage(eventId=n, objectId=n + 1)
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(events))
    assert await work.all() == 2
    assert [len(one.body["inputs"]) for one in hubspot.asked] == [100, 30]
    assert len({event["external_id"] for event in await told(gateway)}) == 130


async def test_a_record_that_is_gone_is_named_and_the_others_of_its_batch_count(
    gateway, work, hubspot
):
    hubspot.put("deals", "1", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent([*deal_stage(objectId=1), *deal_stage(objectId=2, eventId=2)]))
    assert await work.all() == 1
    assert [e["external_id"] for e in await told(gateway) if e["amount"]] == ["1"]
    assert await codes(gateway, to) == [["not-there"], []]


async def test_being_asked_to_come_more_rarely_is_no_failure_and_is_obeyed(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    hubspot.answers.append((429, {"Retry-After": "7"}, {"errorType": "RATE_LIMIT"}))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    assert await work.one()
    (lane,) = await rows(
        gateway,
        "SELECT failures, trouble, rest_until > now() + interval '5 s' AS rests FROM crm_lane",
    )
    assert (lane["failures"], lane["trouble"], lane["rests"]) == (0, "rate-limited", True)
    assert not await work.worker.turn()
    assert await rows(gateway, "SELECT 1 FROM record_read WHERE attempts > 0") == []
    assert await work.all() == 1
    assert len(await told(gateway)) == 2


async def test_a_refused_token_is_seen_at_the_delivery_and_a_new_one_puts_it_right(
    gateway, work, hubspot
):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot, "an old token"))
    await send(gateway, to.sent(deal_stage()))
    assert await work.one()
    assert await codes(gateway, to) == [["token-refused"]]
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}"
    patched = await admin.patch(path, json={"api": api(hubspot)}, headers={"If-Match": '"1"'})
    assert patched.status_code == 200, patched.text
    assert await work.worker.turn()
    assert await codes(gateway, to) == [[], []]
    assert len(await told(gateway)) == 2


async def test_after_many_tries_a_record_is_parked_and_a_replay_asks_again(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    hubspot.answers += [(503, {}, {})] * 12
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    assert await work.all() == 12
    assert await codes(gateway, to) == [["parked"]]
    (delivery,) = await deliveries(gateway, to)
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}/deliveries/{delivery['id']}/replay"
    assert (await admin.post(path)).status_code == 200
    assert await work.all() == 1
    assert (await told(gateway))[-1]["amount"] == "48250.5"


async def test_one_id_that_the_crm_cannot_read_holds_nobody_up(gateway, work, hubspot):
    hubspot.poison = {"2"}
    events = []
    for n in (1, 2, 3):
        hubspot.put("deals", str(n), **a_deal())
        events += deal_stage(objectId=n, eventId=n)
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(events))
    assert await work.all() == 4
    read = {event["external_id"] for event in await told(gateway) if event["amount"]}
    assert read == {"1", "3"}
    assert (await codes(gateway, to))[0] == ["parked"]


async def test_a_worker_that_dies_in_the_middle_has_lost_nothing(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))

    async def dies(*_: Any) -> None:
        raise asyncio.CancelledError

    with contextlib.suppress(asyncio.CancelledError):
        await Work(gateway, dies).one()
    assert not await work.one(), "the lane is the dead worker's until its lease ends"
    await changed(gateway, "UPDATE crm_lane SET leased_until = '-infinity'")
    assert await work.one()
    assert len(await told(gateway)) == 2


async def test_a_worker_that_slept_too_long_keeps_nothing(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))

    async def sleeps(*given: Any) -> Any:
        await changed(gateway, "UPDATE crm_lane SET leased_until = '-infinity'")
        assert await work.one()
        raise Unreachable("It slept too long.")

    assert await Work(gateway, sleeps).one()
    assert len(await told(gateway)) == 2
    assert await codes(gateway, to) == [[], []]
    (lane,) = await rows(gateway, "SELECT failures, trouble FROM crm_lane")
    assert (lane["failures"], lane["trouble"]) == (0, None)


async def test_what_was_read_can_be_replayed_under_another_mapping(gateway, work, hubspot):
    hubspot.put("deals", "18822031177", **a_deal(dealstage="my-stage"))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage(propertyName="amount", propertyValue="1")))
    await work.all()
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}"
    mapping = {"stages": {"my-stage": "proposal"}}
    await admin.patch(path, json={"mapping": mapping}, headers={"If-Match": '"1"'})
    _, read = await deliveries(gateway, to)
    again = await admin.post(f"{path}/deliveries/{read['id']}/replay")
    assert (again.json()["status"], (await told(gateway))[-1]["stage"]) == (
        "translated",
        "proposal",
    )


async def test_zoho_names_ids_and_the_records_are_read(gateway, work):
    async with serving(FakeCrm("zoho")) as crm:
        deal = {"Stage": "Closed Won", "Amount": 48250.5, "Currency": "EUR", "Owner": {"id": "7"}}
        crm.put("Deals", ZOHO_ID, **deal, Modified_Time="2026-11-17T10:30:00+01:00")
        to = await connected(gateway, "zoho", api=api(crm), secret="a token we chose")
        hint = {
            "server_time": 1794907800000, "module": "Deals", "operation": "update",
            "ids": [ZOHO_ID, "1"], "channel_id": 1105420521999070702, "token": "a token we chose",
        }  # fmt: skip
        await send(gateway, to.sent(hint))
        assert await work.all() == 1
        whole = (await told(gateway))[-1]
        assert (whole["standing"], whole["amount"], whole["currency"]) == ("won", "48250.5", "EUR")
        assert whole["occurred_at"] == "2026-11-17T09:30:00Z"
        assert (await codes(gateway, to))[0] == ["not-there"]


async def test_a_context_of_dynamics_that_came_without_its_images_is_read(gateway, work):
    async with serving(FakeCrm("dynamics")) as crm:
        crm.put(
            "opportunities", GUID, opportunityid=GUID, statecode=1, estimatedvalue=48250.5,
            _ownerid_value="7", modifiedon="2026-11-17T09:30:00Z",
            transactioncurrencyid={"isocurrencycode": "EUR"},
        )  # fmt: skip
        mapping = {"deal": {"amount": "estimatedvalue",
                            "currency": "transactioncurrencyid.isocurrencycode"}}  # fmt: skip
        to = await connected(gateway, "dynamics", api=api(crm), mapping=mapping)
        context = {
            "OperationId": "1", "MessageName": "Update", "PrimaryEntityName": "opportunity",
            "PrimaryEntityId": GUID, "OperationCreatedOn": "/Date(1794907800000+0000)/",
        }  # fmt: skip
        sent = to.sent(context)
        await send(gateway, sent)
        assert await work.all() == 0, "a context that is complete is not read"
        stripped = to.sent({**context, "OperationId": "2"})
        await send(gateway, stripped, headers={"x-ms-dynamics-msg-size-exceeded": "true"})
        assert await work.all() == 1
        whole = (await told(gateway))[-1]
        assert (whole["standing"], whole["amount"], whole["currency"]) == ("won", "48250.5", "EUR")


@pytest.mark.parametrize(("provider", "url", "right"), [
    ("hubspot", "https://api.hubapi.com", True),
    ("hubspot", "https://api.hubapi.com.evil.example", False),
    ("hubspot", "http://api.hubapi.com", False),
    ("hubspot", "https://api.hubapi.com:8443", False),
    ("hubspot", "https://api.hubapi.com@evil.example", False),
    ("hubspot", "https://169.254.169.254", False),
    ("hubspot", "https://127.0.0.1", False),
    ("salesforce", "https://acme.my.salesforce.com", True),
    ("salesforce", "https://acme--dev.sandbox.my.salesforce.com", True),
    ("salesforce", "https://my.salesforce.com.evil.example", False),
    ("zoho", "https://www.zohoapis.eu", True),
    ("dynamics", "https://acme.crm4.dynamics.com", True),
    ("pipedrive", "https://acme.pipedrive.com", True),
    ("pipedrive", "https://acme.pipedrive.com/api", False),
    ("hubspot", "https://crm.own.example", True),
])  # fmt: skip
def test_only_a_vendor_s_own_hosts_are_asked(provider, url, right):
    why_not = Addresses(extra=("crm.own.example",)).why_not(provider, url)
    assert (why_not is None) == right


async def test_an_address_that_is_not_the_vendor_s_is_refused_and_never_asked(
    gateway, work, hubspot
):
    admin = await gateway.client("admin")
    body = {"provider": "hubspot", "name": "CRM", "secret": "a secret", "public_url": "https://a.b"}
    access = {"token": "12345678", "url": "https://10.0.0.1"}
    answer = await admin.post("/v1/connections", json={**body, "api": access})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/api/url")
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    strict = CrmHttp(Addresses(), Seal(KEY))  # the installation allows loopback no more
    await Work(gateway, strict).one()
    assert hubspot.asked == []
    assert await codes(gateway, to) == [["crm-unavailable"]]


async def test_the_token_is_in_no_answer_and_in_no_table(gateway, hubspot):
    to = await connected(gateway, "hubspot", api=api(hubspot))
    admin = await gateway.client("admin")
    read = await admin.get(f"/v1/connections/{to.id}")
    assert read.json()["api"]["url"] == hubspot.url
    assert TOKEN not in read.text
    for table in ("connection", "crm_lane", "idempotency"):
        assert TOKEN not in str(await rows(gateway, f"SELECT t::text FROM {table} t"))


async def test_a_crm_that_redirects_is_not_followed(gateway, work, hubspot):
    hubspot.answers.append((302, {"Location": "http://169.254.169.254/"}, None))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    assert await work.one()
    assert await codes(gateway, to) == [["parked"]]
    assert len(hubspot.asked) == 1


async def test_an_answer_without_end_is_cut_off(gateway, hubspot, monkeypatch):
    monkeypatch.setattr("gateway.adapters.crm_api.MAX_ANSWER_BYTES", 20)
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
    await Work(gateway, ask).one()
    assert await codes(gateway, to) == [["crm-unavailable"]]
    await ask.close()
