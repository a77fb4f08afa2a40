"""The vendors' rules by requests signed as they sign: from the raw bytes to what is told, and told once."""

from typing import Any

import pytest

from .crm import outbound_message
from .crm_work import api
from .test_connections import ALL
from .test_webhooks import became, connected, deal_stage, read, send, told
from .vendors import FakeCrm, serving

GUID = "9bfa0c1d-2c3b-4c0e-9d2e-0c5f3a1b7e11"
HASH = "7c1f0a4f5e1d2b3c4d5e6f708192a3b4c5d6e7f8"


async def joined(gateway: Any, provider: str, **options: Any) -> Any:
    return await connected(gateway, provider, **{**ALL.get(provider, {}), **options})


async def meant(gateway: Any, to: Any, *contents: Any, **more: str) -> list[dict[str, Any]]:
    """Send each twice, as a vendor does that was answered late; return what was told."""
    for content in contents:
        for _ in range(2):
            answer = await send(gateway, to.sent(content, **more))
            assert answer.is_success, answer.text
    return await told(gateway)


def of(events: list[dict[str, Any]], *names: str) -> list[Any]:
    return [tuple(event[name] for name in names) for event in events]


async def test_hubspot_s_own_properties_are_mapped_and_what_is_hidden_is_not_told(gateway):
    mapping = {"deal": {"amount": "amount", "cost": "total_cost_of_delivery", "owner": "our_owner"},
               "currency": "NOK"}  # fmt: skip
    to = await joined(gateway, "hubspot", mapping=mapping)
    events = [
        *deal_stage(eventId=1, propertyName="total_cost_of_delivery", propertyValue="30100.10"),
        *deal_stage(eventId=1, propertyName="our_owner", propertyValue="99"),  # an id may repeat
        *deal_stage(eventId=1, propertyName="amount", propertyValue="REDACTED", isSensitive=True),
        *deal_stage(eventId=4, propertyName="amount", propertyValue=""),
    ]
    found = await meant(gateway, to, events)
    assert of(found, "cost", "currency", "currency_assumed") == [
        ("30100.1", "NOK", True), (None, "NOK", True), (None, "NOK", True), (None, "NOK", True)
    ]  # fmt: skip
    assert found[1]["owner_id"] is not None
    assert [event["emptied"] for event in found] == [[], [], [], ["amount"]]
    ties = [event["tie"] for event in found]
    assert ties == sorted(ties), "of one instant the higher event id is the later one"


async def test_hubspot_s_links_and_deletions_of_either_name(gateway):
    to = await joined(gateway, "hubspot")
    plain = {"propertyName": None, "propertyValue": None}
    events = [
        *deal_stage(eventId=1, subscriptionType="object.deletion", objectTypeId="0-3", **plain),
        *deal_stage(eventId=2, subscriptionType="deal.associationChange", objectId=None,
                    associationType="DEAL_TO_CONTACT", fromObjectId=7, toObjectId=70, **plain),
        *deal_stage(eventId=3, subscriptionType="contact.privacyDeletion", objectId=70, **plain),
        *deal_stage(eventId=4, subscriptionType="contact.deletion", objectId=70, **plain),
    ]  # fmt: skip
    found = await meant(gateway, to, events)
    assert of(found, "kind", "external_id", "deleted", "erased") == [
        ("deal", "18822031177", True, None), ("deal", "7", None, None),
        ("lead", "70", True, True), ("lead", "70", True, None),
    ]  # fmt: skip
    assert found[1]["lead_id"] == found[2]["record_id"]


@pytest.mark.parametrize("version", [1, 2])
async def test_pipedrive_s_custom_fields_and_owners_in_both_versions(gateway, version):
    mapping = {"deal": {"amount": HASH, "cost": f"custom_fields.{HASH[::-1]}", "currency": "currency",
                        "owner": "owner_id", "lost_reason": "lost_reason"}}  # fmt: skip
    to = await joined(gateway, "pipedrive", mapping=mapping)
    money = {"type": "monetary", "value": 1500, "currency": "JPY"}
    deal = {"id": 7, "currency": "JPY", "status": "lost", "lost_reason": "Anna Schmidt said no"}
    if version == 1:
        meta = {"v": 1, "object": "deal", "action": "updated", "id": 7, "webhook_id": 3,
                "timestamp": 1794907800, "timestamp_micro": 1794907800123456}  # fmt: skip
        record = {
            **deal,
            HASH: 1500,
            HASH[::-1]: 12.5,
            "user_id": {"id": 5, "name": "Rae", "email": "r@x.example"},
        }
        found = await meant(
            gateway, to, {"v": 1, "meta": meta, "current": record, "previous": None}
        )
    else:
        meta = {"version": "2.0", "entity": "deal", "action": "change", "entity_id": "7", "id": "u-1",
                "timestamp": "2026-11-17T09:30:00.123Z"}  # fmt: skip
        custom = {HASH: money, HASH[::-1]: {"type": "double", "value": 12.5}}
        record = {**deal, "owner_id": 5, "custom_fields": custom}
        found = await meant(
            gateway, to, {"meta": meta, "data": record, "previous": {"owner_id": 4}}
        )
    (event,) = found
    assert (event["amount"], event["currency"], event["standing"]) == ("1500", "JPY", "lost")
    assert (event["cost"], event["lost_reason"]) == (None, None), "half a yen is none"
    assert event["owner_id"] is not None
    assert "Rae" not in str(found)
    assert "Anna" not in str(found)
    assert await became(gateway) == ["partly", "duplicate"]


async def test_pipedrive_s_users_come_in_lists_and_tell_of_nothing(gateway):
    to = await joined(gateway, "pipedrive")
    meta = {"v": 1, "object": "user", "action": "updated", "id": [5], "timestamp": 1794907800}
    content = {"v": 1, "meta": meta, "current": [{"id": 5, "name": "Rae"}], "previous": [{"id": 5}]}
    assert await meant(gateway, to, content) == []


async def test_salesforce_s_notifications_of_one_second_are_in_the_order_of_their_ids(gateway):
    to = await joined(gateway, "salesforce")
    at = {"Id": "006000000000001AAA", "LastModifiedDate": "2026-11-17T09:30:00.000Z"}
    first = {"notification": "04l5g00000AbCdEAAV", **at, "StageName": "Prospecting", "Amount": None}
    later = {"notification": "04l5g00000AbCdFAAV", **at, "StageName": "Closed Won", "Amount": "7.5"}
    found = await meant(gateway, to, outbound_message(later, first), outbound_message(first))
    assert of(found, "stage", "standing", "emptied") == [
        (None, "won", []), ("discovery", "open", ["amount"])
    ]  # fmt: skip
    assert found[0]["tie"] > found[1]["tie"]


@pytest.mark.parametrize(("said", "standing", "deal"), [
    ({"Status": "Gewonnen", "IsConverted": "true", "ConvertedOpportunityId": "006000000000001AAA"},
     "qualified", True),
    ({"Status": "Qualified", "IsConverted": "false"}, "qualified", False),
    ({"Status": "Unqualified"}, "disqualified", False), ({"Company": "x"}, None, False),
])  # fmt: skip
async def test_a_lead_of_salesforce_is_qualified_by_its_flag_whatever_its_status_is_called(
    gateway, said, standing, deal
):
    to = await joined(gateway, "salesforce")
    lead = {
        "notification": "04l1",
        "Id": "00Q000000000001AAA",
        "OwnerId": "00G000000000001AAA",
        **said,
    }
    body = outbound_message(lead).replace(b"sf:Opportunity", b"sf:Lead")
    (event,) = await meant(gateway, to, body)
    assert (event["kind"], event["standing"], event["deal_id"] is not None) == (
        "lead",
        standing,
        deal,
    )


def step(message: str, entity: str = "opportunity", **more: Any) -> dict[str, Any]:
    return {"MessageName": message, "PrimaryEntityName": entity, "PrimaryEntityId": GUID,
            "OperationId": GUID, "OperationCreatedOn": "/Date(1794907800000+0200)/", **more}  # fmt: skip


def attributes(**values: Any) -> list[dict[str, Any]]:
    pairs = [{"key": key, "value": value} for key, value in values.items()]
    return [{"key": "Target", "value": {"Attributes": pairs}}]


async def test_a_context_of_dynamics_in_its_own_forms(gateway):
    to = await joined(gateway, "dynamics", mapping={"currency": "EUR"})
    changed = attributes(
        statecode={"__type": "OptionSetValue:http://x", "Value": 1},
        actualvalue={"__type": "Money:http://x", "Value": 48250.50},
        ownerid={"__type": "EntityReference:http://x", "Id": GUID, "LogicalName": "systemuser", "Name": "Rae"},
        campaignid=None,
    )  # fmt: skip
    image = attributes(estimatedvalue={"Value": 9}, campaignid={"Id": GUID})
    lead = step(
        "Update", "lead", OperationId=GUID[::-1], InputParameters=attributes(statecode={"Value": 2})
    )
    content = step("Update", InputParameters=changed, PostEntityImages=image)
    found = await meant(gateway, to, content, lead)
    assert of(found, "standing", "amount", "currency_assumed", "emptied") == [
        ("won", "48250.5", True, ["campaign"]), ("disqualified", None, True, [])
    ]  # fmt: skip
    assert "Rae" not in str(found)


@pytest.mark.usefixtures("loopback")
async def test_a_context_of_dynamics_that_was_too_large_is_read_and_another_s_id_holds_up_none(
    gateway, work
):
    async with serving(FakeCrm("dynamics")) as crm:
        crm.put("opportunities", GUID, opportunityid=GUID, statecode=1, actualvalue=10.5,
                modifiedon="2026-11-17T09:30:00Z",
                transactioncurrencyid={"isocurrencycode": "CHF"})  # fmt: skip
        to = await joined(gateway, "dynamics", api=api(crm))
        for content in (step("Update"), step("Update", OperationId="2", PrimaryEntityId="no guid")):
            sent = to.sent(content)
            sent.headers["x-ms-dynamics-msg-size-exceeded"] = "1"
            assert (await send(gateway, sent)).is_success
        assert await work.all() > 0
    whole = [event for event in await told(gateway) if event["amount"]]
    assert of(whole, "amount", "currency", "standing") == [("10.5", "CHF", "won")]


async def test_close_tells_cents_and_what_it_was_before_is_not_what_it_is(gateway):
    to = await joined(gateway, "close", mapping={"stages": {"stat_1": "proposal"}})
    event = {"id": "ev_1", "object_type": "opportunity", "object_id": "oppo_1", "action": "updated",
             "date_created": "2026-11-17T09:30:00.395000", "date_updated": "2026-11-17T09:30:01.395000",
             "changed_fields": ["value", "status_id"], "previous_data": {"value": 5, "status_id": "stat_0"},
             "data": {"value": 4825050, "value_currency": "EUR", "status_id": "stat_1", "user_id": None,
                      "status_type": "active"}}  # fmt: skip
    other = {**event, "id": "ev_2", "object_type": "activity.call"}
    gone = {**event, "id": "ev_3", "action": "deleted", "data": {}}
    found = await meant(
        gateway, to, *({"event": one, "subscription_id": "w"} for one in (event, other, gone))
    )
    assert of(found, "amount", "stage", "standing", "deleted", "emptied") == [
        ("48250.5", "proposal", "open", None, ["owner"]), (None, None, None, True, [])
    ]  # fmt: skip
    assert found[0]["occurred_at"] == "2026-11-17T09:30:01.395000Z"


@pytest.mark.parametrize("legacy", [{}, {"legacy": "yes"}])
async def test_espocrm_s_batch_under_either_signature(gateway, legacy):
    settings = {"webhook_id": "wh1", "event": "Opportunity.update"}
    to = await joined(gateway, "espocrm", settings=settings)
    body = [{"id": "a", "stage": "Closed Lost", "amount": 1.005, "amountCurrency": "EUR"},
            {"id": "b", "stage": "Proposal", "amount": "20", "amountCurrency": "EUR"}, "no record"]  # fmt: skip
    found = await meant(gateway, to, body, **legacy)
    assert of(found, "external_id", "standing", "amount") == [
        ("a", "lost", None),
        ("b", "open", "20"),
    ]
    assert await became(gateway) == ["partly", "duplicate"]
    forged = to.sent(body, webhook_id="wh2", **legacy)
    assert (await send(gateway, forged)).status_code == 401


async def test_twenty_s_two_shapes_and_an_amount_that_is_none(gateway):
    to = await joined(gateway, "twenty")
    whole = {
        "id": GUID,
        "stage": "CUSTOMER",
        "amount": {"amountMicros": 48250500000, "currencyCode": "EUR"},
    }
    sent = {"eventName": "opportunity.updated", "webhookId": "w", "eventDate": "2026-11-17T09:30:00.120Z",
            "record": whole, "objectMetadata": {"nameSingular": "opportunity"}, "updatedFields": ["stage"]}  # fmt: skip
    documented = {"event": "opportunity.updated", "timestamp": "2026-11-17T09:30:01.000Z",
                  "data": {"id": GUID, "stage": "NEW", "amount": None}}  # fmt: skip
    found = await meant(gateway, to, sent, documented)
    assert of(found, "standing", "amount", "currency", "emptied") == [
        ("won", "48250.5", "EUR", []), ("open", None, None, ["amount"])
    ]  # fmt: skip


async def test_odoo_s_false_is_nothing_and_its_reasons_are_ids(gateway):
    to = await joined(gateway, "odoo", mapping={"currency": "EUR"})
    record = {"_action": "Send (#7)", "_model": "crm.lead", "_id": 7, "id": 7, "type": "opportunity",
              "active": False, "lost_reason_id": 3, "user_id": False, "expected_revenue": 0.0,
              "write_date": "2026-11-17 09:30:00"}  # fmt: skip
    found = await meant(gateway, to, record)
    assert of(found, "standing", "lost_reason", "amount", "owner_id", "emptied") == [
        ("lost", "3", "0", None, ["owner"])
    ]  # fmt: skip


async def test_zoho_s_several_records_and_a_record_without_an_owner(gateway):
    to = await joined(gateway, "zoho")
    content = {"token": to.secret, "module": "Deals", "operation": "update", "channel_id": 1105420521999070702,
               "ids": ["6756839000000575405", 6756839000000575406], "server_time": 1794907800000,
               "affected_values": [{"record_id": "6756839000000575405",
                                    "values": {"Stage": "Closed Won", "Amount": -5, "Owner": None}}]}  # fmt: skip
    found = await meant(gateway, to, content)
    assert of(found, "external_id", "standing", "amount", "emptied") == [
        ("6756839000000575405", "won", None, ["owner"]), ("6756839000000575406", None, None, [])
    ]  # fmt: skip
    assert (await became(gateway))[0] == "partly"


async def test_cloudevents_of_one_batch_may_be_none_or_several_and_each_is_told_once(gateway):
    to = await joined(gateway, "cloudevents")
    media = "application/cloudevents-batch+json"
    event = {"specversion": "1.0", "type": "org.example.deal.lost.v2", "source": "/eu", "id": "1",
             "time": "2026-11-17T09:30:00+01:00",
             "data": {"id": "D-7", "amount": "0.30", "currency": "EUR", "lost_reason": "Bob Miller left"}}  # fmt: skip
    for batch in ([], [event, {**event, "source": "/us"}, event]):
        assert (await send(gateway, to.sent(batch, media=media))).status_code == 202
    found = await told(gateway)
    assert of(found, "standing", "amount", "lost_reason", "occurred_at") == [
        ("lost", "0.3", None, "2026-11-17T08:30:00Z")
    ] * 2  # fmt: skip
    await read(gateway)
    for wrong in ("application/cloudevents+avro", "application/cloudevents-batch+protobuf"):
        assert (await send(gateway, to.sent([event], media=wrong))).status_code == 415
