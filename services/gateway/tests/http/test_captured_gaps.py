"""Gaps in what Salesforce captured: what is not told is read, or compared."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .crm_work import api
from .test_crm_reading import codes
from .test_vendor_answers import signed
from .test_webhooks import became, connected, rows, send, told
from .vendors import FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

IDS = ["006000000000001AAA", "006000000000002AAA"]
RECORD = {"Amount": 48250.5, "CurrencyIsoCode": "EUR", "StageName": "Negotiation/Review", "IsClosed": False,
          "IsWon": False, "SystemModstamp": "2026-11-17T09:30:00.000+0000"}  # fmt: skip


@pytest_asyncio.fixture
async def crm() -> AsyncIterator[FakeCrm]:
    async with serving(FakeCrm("salesforce")) as served:
        yield served


def gap(how: str, *ids: str, what: str = "Opportunity") -> dict[str, Any]:
    header = {"entityName": what, "recordIds": list(ids), "changeType": how, "changedFields": [],
              "transactionKey": "0001-9a", "sequenceNumber": 1, "commitTimestamp": 1794907800000,
              "commitNumber": 7}  # fmt: skip
    return {"schema": "x", "payload": {"ChangeEventHeader": header}, "event": {"replayId": 4}}


async def test_after_a_gap_the_records_that_it_names_are_read_and_told_once(gateway, work, crm):
    for id_ in IDS:
        crm.put("Opportunity", id_, **RECORD)
    to = await connected(gateway, "salesforce-cdc", api=api(crm))
    for _ in range(2):
        assert (await send(gateway, signed(to, gap("GAP_UPDATE", *IDS)))).is_success
    assert await work.all() == 1
    whole = [event for event in await told(gateway) if event["amount"]]
    assert [(e["external_id"], e["amount"], e["stage"]) for e in whole] == [
        (id_, "48250.5", "negotiation") for id_ in IDS
    ]
    assert await became(gateway) == ["translated", "duplicate", "translated"]
    assert len(crm.asked) == 1


@pytest.mark.parametrize(
    "event", [gap("GAP_OVERFLOW", "000000000000000AAA"), gap("UPDATE", "006*")]
)
async def test_a_gap_without_records_lets_everything_be_compared_at_once(gateway, work, crm, event):
    crm.put("Opportunity", IDS[0], **{**RECORD, "SystemModstamp": "2036-11-17T09:30:00.000+0000"})
    to = await connected(gateway, "salesforce-cdc", api=api(crm))
    assert await work.all() == 0
    assert (await send(gateway, signed(to, event))).is_success
    assert await work.all() > 0
    assert [event["external_id"] for event in await told(gateway)] == [IDS[0]]


async def test_a_gap_is_stored_where_nothing_can_be_read_and_other_objects_ask_for_nothing(
    gateway, work, crm
):
    blind = await connected(gateway, "salesforce-cdc")
    assert (
        await send(gateway, signed(blind, gap("GAP_OVERFLOW", "000000000000000AAA")))
    ).is_success
    seeing = await connected(gateway, "salesforce-cdc", api=api(crm))
    assert (
        await send(gateway, signed(seeing, gap("GAP_UPDATE", "001x", what="Account")))
    ).is_success
    assert await became(gateway) == ["ignored", "ignored"]
    assert (await work.all(), await rows(gateway, "SELECT 1 FROM record_read")) == (0, [])


async def test_an_id_that_is_none_of_salesforce_s_is_asked_of_nobody_and_holds_up_no_other(
    gateway, work, crm
):
    crm.put("Opportunity", IDS[0], **RECORD)
    to = await connected(gateway, "salesforce-cdc", api=api(crm))
    await send(gateway, signed(to, gap("GAP_UPDATE", "x') OR (Name LIKE '", IDS[0])))
    assert await work.all() > 0
    assert [event["external_id"] for event in await told(gateway) if event["amount"]] == [IDS[0]]
    assert len(crm.asked) == 1
    assert await codes(gateway, to) == [["unusable", "parked"], []]
