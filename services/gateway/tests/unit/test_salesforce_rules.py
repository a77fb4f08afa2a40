"""Salesforce's rules one by one: messages in SOAP, callouts of a Flow, captured changes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.webhooks.providers import PROVIDERS
from gateway.domain.webhooks.reading import Unreadable

from .test_vendor_rules import read


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
                    "<SessionId >t0p!secret</SessionId>", "<SessionId><![CDATA[t0p!]]></SessionId>",
                    "<SessionId>a<!-- t0p! -->b</SessionId >"):  # fmt: skip
        body = message(notified(1), session)
        kept = PROVIDERS["salesforce"].kept(body)
        assert b"t0p" not in kept
        assert read("salesforce", kept) == read("salesforce", body)


def test_one_bad_notification_holds_up_no_other_and_none_comes_in_two_bytes_a_letter():
    good, bad = notified(1), notified(2).replace("<o:Id>04l2</o:Id>", "")
    changes = read("salesforce", message(bad + good))
    assert [change.unreadable is not None for change in changes] == [True, False]
    with pytest.raises(Unreadable):
        read("salesforce", message(bad))
    with pytest.raises(Unreadable):
        read("salesforce", message(good).decode().encode("utf-16"))


@pytest.mark.parametrize("action", ["Updated", "Deleted"])
def test_a_flow_may_tell_of_a_deletion(action):
    called = {"eventType": f"Opportunity.{action}", "record": {"Id": "006000000000001AAA"}}
    assert read("salesforce-flow", called)[0].deleted is (action == "Deleted" or None)


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
    assert [first.gap, second.gap, wild.gap] == [False, False, True]
    assert first.key != second.key


@pytest.mark.parametrize(("how", "kind", "deleted", "thin"), [
    ("DELETE", "deal", True, False), ("UNDELETE", "deal", False, False), ("CREATE", "deal", None, False),
    ("GAP_CREATE", "deal", None, True), ("GAP_UPDATE", "deal", None, True), ("GAP_DELETE", "deal", True, False),
    ("GAP_UNDELETE", "deal", False, True), ("GAP_OVERFLOW", None, None, False),
])  # fmt: skip
def test_a_captured_change_of_each_type(how, kind, deleted, thin):
    (change,) = read("salesforce-cdc", captured(how, header={"changedFields": ["Amount"]}))
    assert (change.kind, change.deleted, change.thin) == (kind, deleted, thin)
    assert change.gap == (how == "GAP_OVERFLOW")
    assert ("Amount" in change.fields) == (kind is not None and "GAP" not in how)


def test_captured_changes_of_one_millisecond_are_in_the_order_of_their_commits():
    orders = [(9, 1), (10, 1), (10, 2)]
    ties = [
        read("salesforce-cdc", captured("UPDATE", header={"commitNumber": n, "sequenceNumber": m}))
        for n, m in orders
    ]
    assert sorted(ties, key=lambda changes: changes[0].tie) == ties


@pytest.mark.parametrize(
    "body", [7, [], {}, {"payload": {}}, {"payload": {"ChangeEventHeader": {}}}]
)
def test_what_is_no_captured_event_is_not_read(body):
    if body == []:
        assert read("salesforce-cdc", body) == ()
        return
    with pytest.raises(Unreadable):
        read("salesforce-cdc", body)
