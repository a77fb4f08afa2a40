"""A CRM compared with us: gaps are closed, both sides are counted, and what differs is said."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from fastapi import Request
from starlette.responses import JSONResponse

from gateway.adapters.crm_api import CrmHttp
from gateway.application.sealing import Seal
from gateway.domain.crm_api.apis import Addresses
from onefunnel.http.routing import declared, routes

from .conftest import KEY
from .crm import ORGANIZATION
from .crm_work import Work, a_deal, api, changed
from .test_webhooks import connected, deal_stage, send, told
from .vendors import FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

SINCE = datetime(2026, 11, 1, tzinfo=UTC)


class Lead:
    """What lead-service says stands here."""

    def __init__(self, gateway: Any) -> None:
        self.deals: dict[str, dict[str, Any]] = {}
        self.totals: list[dict[str, Any]] = []
        router = routes("internal")

        @router.post("/internal/crm/records", openapi_extra=declared("crm", "read", raw=True))
        async def records(request: Request) -> JSONResponse:
            wanted = orjson.loads(await request.body())
            found = {id_: self.deals[id_] for id_ in wanted.get("deal", ()) if id_ in self.deals}
            return JSONResponse(
                {"deal": found, "lead": {id_: {} for id_ in wanted.get("lead", ())}}
            )

        @router.get("/internal/crm/totals/{source}")
        async def totals(source: str) -> JSONResponse:
            return JSONResponse({"totals": self.totals})

        gateway.services.apps["lead"].router.routes.extend(router.routes)

    def follow(self, events: list[dict[str, Any]]) -> None:
        """Be as lead-service would be after these events."""
        for event in events:
            if event["kind"] == "deal" and event["amount"]:
                self.deals[event["record_id"]] = {
                    "state": event["standing"],
                    "currency": event["currency"],
                    "amount_minor": round(float(event["amount"]) * 100),
                    "digits": 2,
                }
        self.totals = []
        for state, currency in {(one["state"], one["currency"]) for one in self.deals.values()}:
            group = [
                one["amount_minor"]
                for one in self.deals.values()
                if (one["state"], one["currency"]) == (state, currency)
            ]
            self.totals.append(
                {"kind": "deal", "state": state, "currency": currency, "count": len(group),
                 "amount_minor": sum(group), "digits": 2}
            )  # fmt: skip


@pytest_asyncio.fixture
async def lead(gateway: Any) -> AsyncIterator[Lead]:
    yield Lead(gateway)


async def reconcile(gateway: Any, to: Any, since: datetime = SINCE) -> Any:
    admin = await gateway.client("admin")
    body = {"since": since.isoformat()}
    return await admin.post(f"/v1/connections/{to.id}/reconcile", json=body)


async def until_counting(gateway: Any, work: Work, lead: Lead) -> int:
    """Let changes be read and followed here, then let both sides be counted."""
    turns = await work.all()
    lead.follow(await told(gateway))
    await changed(
        gateway,
        "UPDATE crm_lane SET reconcile_at = now() WHERE reconcile_at < now() + interval '1 minute'",
    )
    return turns + await work.all()


async def report(gateway: Any, to: Any) -> dict[str, Any]:
    admin = await gateway.client("admin")
    answer = await admin.get(f"/v1/connections/{to.id}/reconciliations")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"][0]


def at(minute: int, ms: int = 0) -> str:
    return (SINCE + timedelta(minutes=minute, milliseconds=ms)).isoformat().replace("+00:00", "Z")


async def test_what_no_webhook_told_is_told_and_both_sides_agree(gateway, work, hubspot, lead):
    for n in range(1, 6):
        hubspot.put("deals", str(n), **a_deal(amount="10.50", hs_lastmodifieddate=at(n)))
    hubspot.put("contacts", "9", lifecyclestage="lead", lastmodifieddate=at(3))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    begun = await reconcile(gateway, to)
    assert (begun.status_code, begun.json()["status"]) == (202, "running")
    await until_counting(gateway, work, lead)
    found = await report(gateway, to)
    assert (found["status"], found["read"], found["told"]) == ("done", 6, 6)
    deals = [one for one in found["totals"] if one["kind"] == "deal"]
    assert [(one["theirs"], one["ours"], one["their_amount"], one["agrees"]) for one in deals] == [
        (5, 5, "52.5", True)
    ]
    assert found["differences"] == []
    assert {event["kind"] for event in await told(gateway)} == {"deal", "lead"}


async def test_what_was_told_before_is_not_told_again(gateway, work, hubspot, lead):
    hubspot.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await send(gateway, to.sent(deal_stage()))
    await work.all()
    before = len(await told(gateway))
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    assert (await report(gateway, to))["told"] == 0
    assert len(await told(gateway)) == before


async def test_differences_are_named_and_nothing_is_put_right(gateway, work, hubspot, lead):
    for n in range(1, 4):
        hubspot.put("deals", str(n), **a_deal(amount="10.50", hs_lastmodifieddate=at(n)))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await reconcile(gateway, to)
    await work.all()
    lead.follow(await told(gateway))
    ids = {event["external_id"]: event["record_id"] for event in await told(gateway)}
    lead.deals[ids["1"]]["amount_minor"] = 1
    lead.deals[ids["2"]]["state"] = "won"
    del lead.deals[ids["3"]]
    lead.follow([])
    before = len(await told(gateway))
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.all()
    found = await report(gateway, to)
    differences = {(one["external_id"], one["what"]) for one in found["differences"]}
    assert differences == {("1", "amount"), ("2", "standing"), ("3", "missing")}
    assert found["differing"] == 3
    assert not any(one["agrees"] for one in found["totals"])
    assert len(await told(gateway)) == before


async def test_a_search_goes_on_where_one_instant_fills_pages(gateway, work, hubspot, lead):
    for n in range(1, 251):
        hubspot.put("deals", str(n), **a_deal(hs_lastmodifieddate=at(1)))
    for n in range(251, 301):
        hubspot.put("deals", str(n), **a_deal(hs_lastmodifieddate=at(2, n)))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    found = await report(gateway, to)
    assert (found["read"], found["told"], found["totals"][0]["theirs"]) == (300, 300, 300)


async def test_the_next_one_begins_a_little_before_the_end_of_the_last(
    gateway, work, hubspot, lead
):
    hubspot.put("deals", "1", **a_deal(hs_lastmodifieddate=at(60)))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await reconcile(gateway, to)
    await until_counting(gateway, work, lead)
    hubspot.asked.clear()
    hubspot.put("deals", "2", **a_deal(hs_lastmodifieddate=at(61)))
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.all()
    begins = hubspot.asked[0].body["filterGroups"][0]["filters"][0]["value"]
    assert int(begins) == int((SINCE + timedelta(minutes=55)).timestamp() * 1000)
    found = await report(gateway, to)
    assert (found["cause"], found["status"], found["told"]) == ("scheduled", "done", 1)
    assert found["totals"] == [], "everything is counted once a day"


async def test_one_is_under_way_at_a_time_and_goes_on_after_a_death(gateway, work, hubspot, lead):
    for n in range(1, 151):
        hubspot.put("deals", str(n), **a_deal(hs_lastmodifieddate=at(1, n)))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await reconcile(gateway, to)
    assert (await reconcile(gateway, to)).status_code == 409
    assert await work.one()
    assert (await report(gateway, to))["read"] == 99
    await changed(gateway, "UPDATE crm_lane SET epoch = epoch + 1, leased_until = '-infinity'")
    await until_counting(gateway, work, lead)
    assert (await report(gateway, to))["told"] == 150


async def test_a_refused_token_ends_it_with_a_reason(gateway, work, hubspot, lead):
    to = await connected(gateway, "hubspot", api=api(hubspot, "an old token"))
    await reconcile(gateway, to)
    await work.one()
    found = await report(gateway, to)
    assert found["status"] == "failed"
    assert "token" in found["fault"]


async def test_lead_service_away_is_waited_for(gateway, work, hubspot, lead):
    hubspot.put("deals", "1", **a_deal(hs_lastmodifieddate=at(1)))
    to = await connected(gateway, "hubspot", api=api(hubspot))
    await reconcile(gateway, to)
    await work.all()
    gateway.services.down.add("lead")
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.one()
    assert (await report(gateway, to))["status"] == "running"
    gateway.services.down.clear()
    await until_counting(gateway, work, lead)
    assert (await report(gateway, to))["status"] == "done"


async def test_salesforce_is_read_in_the_order_of_change_and_id_with_its_deleted_records(
    gateway, lead
):
    async with serving(FakeCrm("salesforce")) as crm:
        for n in range(1, 402):
            crm.put(
                "Opportunity", f"006{n:012d}AAA", Amount=10.5, CurrencyIsoCode="EUR",
                IsClosed=True, IsWon=True, StageName="Closed Won", IsDeleted=n == 1,
                SystemModstamp="2026-11-02T09:30:00.000+0000",
            )  # fmt: skip
        settings = {"organization_id": ORGANIZATION}
        to = await connected(gateway, "salesforce", settings=settings, api=api(crm))
        ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
        await reconcile(gateway, to)
        await until_counting(gateway, Work(gateway, ask), lead)
        await ask.close()
        found = await report(gateway, to)
        assert (found["read"], found["told"]) == (401, 401)
        assert [event["external_id"] for event in await told(gateway) if event["deleted"]] == [
            "006000000000001AAA"
        ]
        assert (found["totals"][0]["theirs"], found["totals"][0]["their_amount"]) == (400, "4200.0")
