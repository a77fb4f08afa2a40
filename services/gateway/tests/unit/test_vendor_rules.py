"""The vendors' rules one by one, by requests that no recording holds: what is read from each."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Change, Unreadable
from gateway.domain.webhooks.request import Received, Secret, Terms, mac
from onefunnel.ids import new_id

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
GUID = "9bfa0c1d-2c3b-4c0e-9d2e-0c5f3a1b7e11"
ZERO = "00000000-0000-0000-0000-000000000000"


def received(body: Any, **headers: str) -> Received:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received("POST", "https://gw.example/h", named, {}, content)


def read(provider: str, body: Any, **settings: str) -> tuple[Change, ...]:
    return PROVIDERS[provider].read(received(body), Terms((), settings)).changes


def hubspot(**changed: Any) -> dict[str, Any]:
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 1794907800000,
             "subscriptionType": "deal.propertyChange", "objectId": 7, "attemptNumber": 0,
             "propertyName": "amount", "propertyValue": "1"}  # fmt: skip
    return {**event, **changed}


@pytest.mark.parametrize("n", [0, 1, 100, 250])
def test_hubspot_sends_none_to_a_hundred_events_and_more_are_taken(n):
    changes = read("hubspot", [hubspot(objectId=one) for one in range(n)])
    assert len({change.key for change in changes}) == n


@pytest.mark.parametrize("name", [
    "portalId", "subscriptionId", "eventId", "objectId", "occurredAt", "propertyName",
    "propertyValue",
])  # fmt: skip
def test_hubspot_events_differ_by_more_than_their_id(name):
    one, other = read("hubspot", [hubspot(), hubspot(**{name: 1794907800001})])
    assert one.key != other.key


def test_hubspot_retries_are_the_same_event():
    one, other = read("hubspot", [hubspot(), hubspot(attemptNumber=9)])
    assert one.key == other.key


def test_of_several_portals_in_one_call_only_the_connection_s_own_counts():
    events = [hubspot(portalId=portal, objectId=portal) for portal in (3, 4, 3)]
    kinds = [change.kind for change in read("hubspot", events, portal_id="3")]
    assert kinds == ["deal", None, "deal"]


@pytest.mark.parametrize(("event", "kind", "fields", "thin"), [
    ({"eventType": "deal.propertyChange", "subscriptionType": None}, "deal", {"amount": "1"}, True),
    ({"subscriptionType": "object.propertyChange", "objectTypeId": "0-1"}, "lead", {"amount": "1"}, True),
    ({"subscriptionType": "object.creation", "objectTypeId": "2-99"}, None, {}, False),
    ({"subscriptionType": "contact.merge", "objectId": None, "primaryObjectId": 7}, "lead", {}, True),
    ({"subscriptionType": "deal.associationChange", "objectId": None}, None, {}, False),
    ({"isSensitive": True, "propertyValue": "REDACTED"}, "deal", {}, True),
    ({"propertyValue": ""}, "deal", {"amount": None}, True),
])  # fmt: skip
def test_what_each_kind_of_hubspot_s_events_says(event, kind, fields, thin):
    (change,) = read("hubspot", [hubspot(**event)])
    assert (change.kind, dict(change.fields), change.thin) == (kind, fields, thin)


@pytest.mark.parametrize(("provider", "good"), [
    ("hubspot", hubspot()),
    ("espocrm", {"id": "1", "stage": "Proposal"}),
    ("salesforce-flow", {"eventType": "Opportunity.x", "record": {"Id": "006000000000001AAA"}}),
])  # fmt: skip
def test_one_bad_item_of_a_batch_is_named_and_the_rest_counts(provider, good):
    changes = read(provider, [good, 7, good])
    assert [change.kind for change in changes] == ["deal", None, "deal"]
    assert [change.unreadable is not None for change in changes] == [False, True, False]
    with pytest.raises(Unreadable):
        read(provider, [7])


@pytest.mark.parametrize(("previous", "followed"), [
    ({"update_time": "2026-11-22 08:00:00", "last_activity_date": "2026-11-01"}, False),
    ({"update_time": "2026-11-22 08:00:00", "stage_id": 3}, True),
    (None, True),
])  # fmt: skip
def test_pipedrive_tells_nothing_where_only_bookkeeping_changed(previous, followed):
    current = {"id": 7, "stage_id": 4, "update_time": "2026-11-22 09:00:00",
               "last_activity_date": "2026-11-22", "user_id": {"id": 5, "name": "Rae"}}  # fmt: skip
    meta = {"object": "deal", "action": "updated", "id": 7, "timestamp_micro": 1794907800000000}
    whole = {**current, **previous} if previous is not None else None
    (first,) = read("pipedrive", {"meta": meta, "current": current, "previous": whole})
    meta = {"entity": "deal", "action": "change", "entity_id": "7", "id": "x",
            "timestamp": "2026-11-22T09:00:00.057Z"}  # fmt: skip
    (second,) = read("pipedrive", {"meta": meta, "data": current, "previous": previous})
    assert (first.kind == "deal", second.kind == "deal") == (followed, followed)
    if followed:
        assert first.fields["owner_id"] == "5"


def test_pipedrive_s_two_versions_know_a_change_again_by_what_does_not_count_up():
    v1 = {"object": "deal", "action": "updated", "id": 7, "timestamp_micro": 1, "webhook_id": 3}
    v2 = {"entity": "deal", "action": "delete", "entity_id": "7", "id": "x", "attempt": 1}
    for content, again in (
        ({"meta": v1, "current": {}, "retry": 0}, {"meta": v1, "current": {}, "retry": 3}),
        ({"meta": v2, "data": None}, {"meta": {**v2, "attempt": 4}, "data": None}),
    ):
        assert read("pipedrive", content)[0].key == read("pipedrive", again)[0].key
    (gone,) = read("pipedrive", {"meta": v2, "data": None})
    assert (gone.deleted, gone.external_id) == (True, "7")


def test_zoho_names_several_records_and_the_values_of_some():
    content = {"module": "Deals", "operation": "update", "ids": ["1", 6756839000000575405, "3"],
               "affected_values": [{"record_id": 6756839000000575405, "values": {"Amount": 5}}],
               "channel_id": 1105420521999070702}  # fmt: skip
    changes = read("zoho", content)
    assert [change.external_id for change in changes] == ["1", "6756839000000575405", "3"]
    assert [dict(change.fields) for change in changes] == [{}, {"Amount": "5"}, {}]
    assert all(change.thin for change in changes)
    assert len({change.key for change in changes}) == 3


def step(message: str, **changed: Any) -> dict[str, Any]:
    return {"OperationId": GUID, "MessageName": message, "PrimaryEntityName": "opportunity",
            "PrimaryEntityId": GUID, "OperationCreatedOn": "/Date(1794907800000+0200)/", **changed}  # fmt: skip


def given(**attributes: Any) -> list[dict[str, Any]]:
    pairs = [{"key": key, "value": value} for key, value in attributes.items()]
    return [{"key": "x", "value": {"Attributes": pairs}}]


def test_a_context_of_dynamics_is_read_over_the_image_and_in_its_own_forms():
    money = {"__type": "Money:http://x", "Value": 48250.5}
    (change,) = read("dynamics", step(
        "Update",
        InputParameters=given(estimatedvalue=money, statecode={"Value": 1}),
        PostEntityImages=given(estimatedvalue={"Value": 1}, ownerid={"Id": GUID}),
    ))  # fmt: skip
    assert change.fields["estimatedvalue"] == "48250.5"
    assert (change.fields["opportunity.statecode"], change.fields["ownerid"]) == ("1", GUID)
    assert change.at == datetime.fromtimestamp(1794907800, UTC), "the offset is for display alone"


@pytest.mark.parametrize(("message", "code"), [("Win", "1"), ("Lose", "2")])
def test_an_opportunity_that_is_closed_is_named_by_the_activity_that_closes_it(message, code):
    closing = given(opportunityid={"Id": GUID, "LogicalName": "opportunity"})
    for primary in ({}, {"PrimaryEntityName": "none", "PrimaryEntityId": ZERO}):
        (change,) = read("dynamics", step(message, InputParameters=closing, **primary))
        assert (change.kind, change.external_id) == ("deal", GUID)
        assert change.fields["opportunity.statecode"] == code


def test_a_step_without_an_operation_of_its_own_is_known_by_what_it_says():
    one, same, other = (
        read("dynamics", step("Update", OperationId=ZERO, Depth=n))[0].key for n in (1, 1, 2)
    )
    assert one == same != other


@pytest.mark.parametrize(("action", "deleted"), [
    ("deleted", True), ("destroyed", True), ("restored", False), ("updated", None),
])  # fmt: skip
def test_a_record_of_twenty_s_may_come_back(action, deleted):
    content = {"eventName": f"opportunity.{action}", "record": {"id": "7"}}
    assert read("twenty", content)[0].deleted is deleted


@pytest.mark.parametrize("legacy", [False, True])
def test_espocrm_signs_in_two_ways_and_an_absent_signature_is_none(legacy):
    provider, body, secret = PROVIDERS["espocrm"], b'[{"id":"1"}]', Secret(new_id(), "k")
    digest = mac(b"k", body)
    signed = base64.b64encode(b"wh1:" + (digest if legacy else digest.hex().encode())).decode()
    name = "x_signature" if legacy else "signature"
    terms = Terms((secret,), {"webhook_id": "wh1"})
    assert provider.verify(received(body, **{name: signed}), terms, NOW).genuine
    wrong = "signature" if legacy else "x_signature"
    assert not provider.verify(received(body, **{wrong: signed}), terms, NOW).genuine
    assert not provider.verify(received(body), terms, NOW).genuine
    other = Terms((secret,), {"webhook_id": "wh2"})
    assert not provider.verify(received(body, **{name: signed}), other, NOW).genuine


def message(notifications: str, session: str = "") -> bytes:
    return (
        '<a:Envelope xmlns:a="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a:Body>'
        '<o:notifications xmlns:o="http://soap.sforce.com/2005/09/outbound">'
        f"<o:OrganizationId>00D000000000001AAA</o:OrganizationId>{session}{notifications}"
        "</o:notifications></a:Body></a:Envelope>"
    ).encode()


def notified(n: int, more: str = "") -> str:
    return (
        f"<o:Notification><o:Id>04l{n}</o:Id>"
        '<o:sObject i:type="q:Opportunity" xmlns:q="urn:sobject.enterprise.soap.sforce.com">'
        f"<q:Id>006{n:012d}AAA</q:Id>{more}</o:sObject></o:Notification>"
    )


def test_an_outbound_message_holds_a_hundred_notifications_under_any_prefix():
    changes = read("salesforce", message("".join(notified(n) for n in range(100))))
    assert len({change.external_id for change in changes}) == 100
    assert {change.kind for change in changes} == {"deal"}


@pytest.mark.parametrize("nil", ["true", "1"])
def test_a_field_of_an_outbound_message_may_be_nil(nil):
    (change,) = read("salesforce", message(notified(1, f'<q:Amount i:nil="{nil}">x</q:Amount>')))
    assert change.fields["Amount"] is None


def test_a_session_that_came_along_is_not_kept():
    for session in ("<o:SessionId>t0p!secret</o:SessionId>", '<o:SessionId i:nil="true"/>',
                    "<SessionId >t0p!secret</SessionId>"):  # fmt: skip
        body = message(notified(1), session)
        kept = PROVIDERS["salesforce"].kept(body)
        assert b"t0p" not in kept
        assert read("salesforce", kept) == read("salesforce", body)


def captured(how: str, *, ids: tuple[str, ...] = ("006000000000001AAA",), header: Any = (),
             **fields: Any) -> dict[str, Any]:  # fmt: skip
    about = {"entityName": "Opportunity", "recordIds": list(ids), "changeType": how,
             "transactionKey": "t", "sequenceNumber": 2, "commitTimestamp": 1794907800000}  # fmt: skip
    return {"payload": {"ChangeEventHeader": {**about, **dict(header)}, **fields},
            "event": {"replayId": 1}}  # fmt: skip


def test_a_captured_change_says_what_changed_and_what_was_emptied():
    header = {"changedFields": ["StageName", "Amount"], "nulledFields": ["CampaignId"]}
    content = captured("UPDATE", header=header, StageName="Won", Amount=None, LeadSource=None)
    (change,) = read("salesforce-cdc", content)
    assert change.fields == {"StageName": "Won", "Amount": None, "CampaignId": None}
    assert change.at == datetime.fromtimestamp(1794907800, UTC)
    assert change.deleted is None


def test_one_captured_event_may_speak_of_several_records_and_of_none():
    ids = ("006000000000001AAA", "006000000000002AAA", "006*")
    first, second, wild = read("salesforce-cdc", captured("UPDATE", ids=ids, StageName="x"))
    assert (first.external_id, second.external_id, wild.kind) == (*ids[:2], None)
    assert first.key != second.key


@pytest.mark.parametrize(("how", "kind", "deleted"), [
    ("DELETE", "deal", True), ("UNDELETE", "deal", False), ("CREATE", "deal", None),
    ("GAP_UPDATE", None, None), ("GAP_OVERFLOW", None, None),
])  # fmt: skip
def test_a_captured_change_of_each_type(how, kind, deleted):
    (change,) = read("salesforce-cdc", captured(how))
    assert (change.kind, change.deleted) == (kind, deleted)


@pytest.mark.parametrize(
    "body", [7, [], {}, {"payload": {}}, {"payload": {"ChangeEventHeader": {}}}]
)
def test_what_is_no_captured_event_is_not_read(body):
    if body == []:
        assert read("salesforce-cdc", body) == ()
        return
    with pytest.raises(Unreadable):
        read("salesforce-cdc", body)
