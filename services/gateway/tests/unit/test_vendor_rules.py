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


def test_a_hubspot_event_without_a_value_or_a_time_says_no_more_than_that_something_changed():
    silent = {name: value for name, value in hubspot().items() if name != "propertyValue"}
    for event in (silent, hubspot(propertyValue="REDACTED")):
        assert [dict(change.fields) for change in read("hubspot", [event])] == [{}]
    (timeless,) = read("hubspot", [hubspot(occurredAt=None)])
    assert (timeless.kind, timeless.at, dict(timeless.fields)) == ("deal", None, {"amount": "1"})


MERGE = {"subscriptionType": "contact.merge", "objectId": None, "propertyName": None}


@pytest.mark.parametrize(("merge", "into", "gone"), [
    ({"primaryObjectId": 7, "mergedObjectIds": [8, 9], "newObjectId": 7}, "7", ["8", "9"]),
    ({"primaryObjectId": 7, "mergedObjectIds": ["8"], "newObjectId": 10}, "10", ["7", "8"]),
    ({"primaryObjectId": 7, "mergedObjectIds": [7, 8]}, "7", ["8"]),
    ({"primaryObjectId": 7}, "7", []),
])  # fmt: skip
def test_a_merge_in_hubspot_names_who_lives_on_and_who_became_part_of_them(merge, into, gone):
    first, *others = read("hubspot", [hubspot(**MERGE, **merge)])
    assert (first.external_id, first.deleted, first.thin) == (into, None, True)
    assert [(one.external_id, one.merged_into, one.deleted) for one in others] == [
        (id_, into, True) for id_ in gone
    ]
    assert len({change.key for change in (first, *others)}) == 1 + len(gone)


def test_two_merges_or_links_of_the_same_instant_are_two():
    merges = [{"primaryObjectId": 7, "mergedObjectIds": [id_]} for id_ in (8, 9)]
    links = [{"fromObjectId": 7, "toObjectId": id_} for id_ in (8, 9)]
    for named, several in ((MERGE, merges), (LINK, links)):
        changes = read("hubspot", [hubspot(**named, **one) for one in several])
        assert len({change.key for change in changes}) == len(changes)


LINK = {"subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT",
        "objectId": None, "propertyName": None}  # fmt: skip


@pytest.mark.parametrize(("link", "deal", "fields"), [
    ({"fromObjectId": 7, "toObjectId": 70}, "7", {"associations.contact": "70"}),
    ({"fromObjectId": 70, "toObjectId": 7, "associationType": "CONTACT_TO_DEAL",
      "subscriptionType": "contact.associationChange"}, "7", {"associations.contact": "70"}),
    ({"fromObjectId": 7, "toObjectId": 70, "associationRemoved": True}, "7", {}),
    ({"fromObjectId": 7, "toObjectId": 70, "associationType": "DEAL_TO_COMPANY"}, "", {}),
])  # fmt: skip
def test_hubspot_tells_from_either_end_which_contact_a_deal_is_linked_to(link, deal, fields):
    (change,) = read("hubspot", [hubspot(**{**LINK, **link})])
    assert (change.external_id, dict(change.fields), change.thin) == (deal, fields, bool(deal))


@pytest.mark.parametrize(("provider", "good"), [
    ("hubspot", hubspot()),
    ("salesforce-cdc", {"ChangeEventHeader": {
        "entityName": "Opportunity", "recordIds": ["006000000000001AAA"], "changeType": "CREATE",
        "transactionKey": "t"}}),
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


HASH = "7c1f0a4f5e1d2b3c4d5e6f708192a3b4c5d6e7f8"


@pytest.mark.parametrize("name", [HASH, f"custom_fields.{HASH}"])
@pytest.mark.parametrize(("value", "said"), [
    (30100.5, "30100.5"), ("Web", "Web"), (None, None), (0, "0"),
    ({"type": "monetary", "value": 30100.5, "currency": "EUR"}, "30100.5"),
    ({"type": "enum", "id": 12}, "12"), ({"type": "monetary", "value": None}, None),
])  # fmt: skip
def test_a_custom_field_of_pipedrive_has_either_name_in_either_version(name, value, said):
    meta = {"object": "deal", "action": "updated", "id": 7, "timestamp": 1794907800}
    (first,) = read("pipedrive", {"meta": meta, "current": {"id": 7, HASH: value}})
    meta = {"entity": "deal", "action": "change", "entity_id": "7", "id": "x"}
    data = {"id": 7, "custom_fields": {HASH: value}}
    (second,) = read("pipedrive", {"meta": meta, "data": data})
    assert (first.fields[name], second.fields[name]) == (said, said)


def test_an_owner_of_pipedrive_has_either_name_in_either_version():
    meta = {"object": "deal", "action": "updated", "id": 7}
    (first,) = read("pipedrive", {"meta": meta, "current": {"id": 7, "user_id": {"id": 5}}})
    meta = {"entity": "deal", "action": "change", "entity_id": "7", "id": "x"}
    (second,) = read("pipedrive", {"meta": meta, "data": {"id": 7, "owner_id": 5}})
    for change in (first, second):
        assert (change.fields["user_id"], change.fields["owner_id"]) == ("5", "5")


def test_a_deal_of_pipedrive_that_became_part_of_another_does_not_live_on():
    meta = {"entity": "deal", "action": "change", "entity_id": "7", "id": "x"}
    moved = {"update_time": "2026-11-22T09:00:00Z"}
    (gone,) = read("pipedrive", {"meta": {**meta, "merged_to_id": 8}, "data": {"id": 7}})
    assert (gone.external_id, gone.merged_into, gone.deleted) == ("7", "8", True)
    there, gone = read("pipedrive", {"meta": {**meta, "merged_from_id": "9"}, "data": {"id": 7},
                                     "previous": moved})  # fmt: skip
    assert (there.external_id, there.deleted) == ("7", None)
    assert (gone.external_id, gone.merged_into, gone.deleted) == ("9", "7", True)
    meta = {"object": "deal", "action": "merged", "id": 7}
    there, gone = read("pipedrive", {"meta": meta, "current": {"id": 7}, "previous": {"id": 9}})
    assert (there.external_id, gone.external_id, gone.merged_into) == ("7", "9", "7")


def test_a_deletion_in_pipedrive_is_told_whatever_it_was_before_and_v1_changes_by_the_second():
    meta = {"entity": "deal", "action": "delete", "entity_id": "7", "id": "x"}
    (gone,) = read("pipedrive", {"meta": meta, "data": None, "previous": {"update_time": "x"}})
    assert gone.deleted
    old = {"object": "deal", "action": "updated", "id": 7}
    one, other = (
        read("pipedrive", {"meta": {**old, "timestamp": at}, "current": {}})[0]
        for at in (1794907800, "1794907801")
    )
    assert one.key != other.key
    assert one.at == datetime.fromtimestamp(1794907800, UTC)


def test_zoho_names_several_records_and_the_values_of_some():
    content = {"module": "Deals", "operation": "update", "ids": ["1", 6756839000000575405, "3"],
               "affected_values": [{"record_id": 6756839000000575405, "values": {"Amount": 5}}],
               "channel_id": 1105420521999070702}  # fmt: skip
    changes = read("zoho", content)
    assert [change.external_id for change in changes] == ["1", "6756839000000575405", "3"]
    assert [dict(change.fields) for change in changes] == [{}, {"Amount": "5"}, {}]
    assert all(change.thin for change in changes)
    assert len({change.key for change in changes}) == 3


@pytest.mark.parametrize("values", [7, {"1": 2}, [7, {"record_id": "1", "values": [5]}]])
def test_zoho_s_values_are_hints_and_without_a_shape_none(values):
    content = {"module": "Deals", "operation": "update", "ids": ["1"], "affected_values": values}
    assert [dict(change.fields) for change in read("zoho", content)] == [{}]


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


@pytest.mark.parametrize(("image", "changed", "value"), [
    ({"estimatedvalue": 10, "actualvalue": 9}, {"statecode": {"Value": 1}}, "9"),
    ({"estimatedvalue": 10}, {"statecode": {"Value": 1}}, "10"),
    ({"estimatedvalue": 10, "actualvalue": 9}, {"statecode": {"Value": 0}}, "10"),
    ({"estimatedvalue": 10}, {"estimatedvalue": None}, None),
])  # fmt: skip
def test_an_opportunity_of_dynamics_is_worth_its_estimate_until_it_is_won(image, changed, value):
    (change,) = read("dynamics", step(
        "Update", InputParameters=given(**changed), PostEntityImages=given(**image)
    ))  # fmt: skip
    assert change.fields["opportunity.value"] == value


def test_what_an_update_in_dynamics_empties_is_emptied():
    (change,) = read("dynamics", step(
        "Update", InputParameters=given(campaignid=None), PostEntityImages=given(campaignid="x")
    ))  # fmt: skip
    assert change.fields["campaignid"] is None


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


@pytest.mark.parametrize(("said", "end"), [
    ({"won_status": "won"}, "won"), ({"is_won": True}, "won"),
    ({"active": False, "lost_reason_id": 3}, "lost"), ({"active": False, "lost_reason_id": False}, None),
    ({"active": True, "is_won": False}, "pending"), ({"active": True}, None), ({}, None),
    ({"won_status": "pending", "is_won": True}, "pending"),
])  # fmt: skip
def test_how_an_opportunity_of_odoo_ended_is_in_one_field_or_in_several(said, end):
    (change,) = read("odoo", {"_model": "crm.lead", "_id": 7, "type": "opportunity", **said})
    assert (change.external_id, change.fields.get("won_status")) == ("7", end)


@pytest.mark.parametrize(("event", "named"), [
    ("update", "Opportunity.update"), ("Lead.delete", "Lead.delete"),
    ("Opportunity.fieldUpdate.stage", "Opportunity.fieldUpdate.stage"),
    ("fieldUpdate.stage", "Opportunity.fieldUpdate.stage"),
])  # fmt: skip
def test_an_endpoint_of_espocrm_is_for_one_event_and_only_a_new_record_says_when(event, named):
    body = [{"id": "1"}, {"id": "2", "createdAt": "2026-11-22 08:00:00"}]
    changes = read("espocrm", body, event=event)
    assert {change.what for change in changes} == {named}
    assert [change.deleted for change in changes] == [named == "Lead.delete" or None] * 2
    assert [change.at for change in changes] == [None, datetime(2026, 11, 22, 8, tzinfo=UTC)]


@pytest.mark.parametrize(("type_", "deleted", "erased", "into"), [
    ("lead.erased", True, True, None), ("lead.merged", True, False, "L-2"),
    ("lead.deleted", True, False, None), ("lead.restored", False, False, None),
    ("com.example.lead.deleted.v2", True, False, None), ("lead.updated", None, False, None),
])  # fmt: skip
def test_what_a_type_says_of_a_record_s_life(type_, deleted, erased, into):
    event = {"type": type_, "data": {"id": "L-1", "merged_into": "L-2"}}
    (change,) = read("standard", event)
    assert (change.deleted, change.erased, change.merged_into) == (deleted, erased, into)


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
