"""Salesforce: Outbound Messages (SOAP, acknowledged in SOAP) and callouts of a Flow (JSON with a key)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from gateway.domain.webhooks.reading import (
    Change,
    Kind,
    Told,
    Unreadable,
    a_list,
    an_object,
    digest_key,
    each,
    flat,
    instant,
    parsed,
    text_of,
)
from gateway.domain.webhooks.request import (
    MISSING,
    Received,
    Terms,
    Verdict,
    path_secret,
    same,
    shared_key,
)
from gateway.domain.webhooks.xml import Element, parse_xml

ACKNOWLEDGED: Final = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/ "
_OUTBOUND: Final = "http://soap.sforce.com/2005/09/outbound "
_TYPE: Final = "http://www.w3.org/2001/XMLSchema-instance type"
OBJECTS: Final[Mapping[str, Kind]] = {"Opportunity": "deal", "Lead": "lead"}
_SESSION: Final = re.compile(
    rb"(<(?:[\w.-]+:)?SessionId(?:\s[^<>]*)?(?<!/)>).*?(</(?:[\w.-]+:)?SessionId\s*>)", re.DOTALL
)
STATUS: Final = "Lead.Status"
CONVERTED: Final = "Closed - Converted"
_SAME_ID_CHARS: Final = 15
_BAD_ORGANIZATION: Final = Verdict(reason="wrong-organization")


def verify_message(received: Received, terms: Terms, now: datetime) -> Verdict:
    """Check an Outbound Message, which has no signature: a secret in the URL and the organization it names."""
    verdict = path_secret(received, terms, now)
    if not verdict.genuine:
        return verdict
    expected = terms.settings.get("organization_id", "")
    try:
        sent = _text(_notifications(received.body), "OrganizationId")
    except Unreadable:
        return MISSING
    return verdict if expected and _same_id(sent, expected) else _BAD_ORGANIZATION


def _same_id(one: str, other: str) -> bool:
    """Compare two ids; the last three of eighteen characters only repeat how the others are written."""
    return same(one[:_SAME_ID_CHARS], other[:_SAME_ID_CHARS]) and len(one) in {15, 18}


def read_message(received: Received, _terms: Terms) -> Told:
    """Read the notifications of an Outbound Message."""
    notifications = _notifications(received.body).all(f"{_OUTBOUND}Notification")
    if not notifications:
        raise Unreadable("there is no Notification")
    return Told(each(notifications, _notified))


def _notifications(body: bytes) -> Element:
    envelope = parse_xml(body)
    bodies = envelope.all(f"{_SOAP}Body")
    if envelope.name != f"{_SOAP}Envelope" or len(bodies) != 1:
        raise Unreadable("the body is no SOAP envelope")
    found = bodies[0].all(f"{_OUTBOUND}notifications")
    if len(found) != 1:
        raise Unreadable("there are no notifications")
    return found[0]


def _text(element: Element, name: str) -> str:
    found = element.all(f"{_OUTBOUND}{name}")
    return (found[0].value or "") if found else ""


def without_session(body: bytes) -> bytes:
    """Return a message as it may be kept: a session that came along would open the CRM to its reader."""
    return _SESSION.sub(rb"\1\2", body)


def _notified(notification: Element) -> Change:
    key = _text(notification, "Id")
    records = notification.all(f"{_OUTBOUND}sObject")
    if not key or len(records) != 1:
        raise Unreadable("a Notification lacks its Id or its sObject")
    what = records[0].attributes.get(_TYPE, "").rpartition(":")[2]
    fields = {child.local: child.value for child in records[0].children}
    # A record's time is in whole seconds; of two notifications of one second the later id is the later one.
    return replace(_change(f"notification:{key}", what, fields), tie=key)


def _change(
    key: str,
    what: str,
    fields: Mapping[str, str | None],
    at: object = None,
    deleted: bool | None = None,
) -> Change:
    kind, id_ = OBJECTS.get(what), fields.get("Id")
    modified = fields.get("SystemModstamp") or fields.get("LastModifiedDate")
    if kind is None or not id_:
        return Change(key, what or "unknown")
    if (said := fields.get("IsDeleted")) is not None:
        deleted = said == "true"
    fields = {**fields, **more_of(what, fields)}
    return Change(
        key,
        what,
        kind,
        id_,
        instant(modified) or instant(at),
        fields=fields,
        deleted=deleted,
    )


def more_of(what: str, fields: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return a lead's status as its flag has it: how a converted one is called is each tenant's own word."""
    if what != "Lead" or not fields.keys() & {"Status", "IsConverted"}:
        return {}
    converted = fields.get("IsConverted") == "true"
    return {STATUS: CONVERTED if converted else fields.get("Status")}


verify_flow = shared_key("x-onefunnel-key")


def read_flow(received: Received, terms: Terms) -> Told:
    """Read what a Flow calls out with: our contract, one record or a list of them."""
    content = parsed(received.body)
    messages = content if isinstance(content, list) else [content]
    return Told(
        each(a_list(messages, "it"), lambda one: _called_out(an_object(one, "a message"), terms))
    )


def _called_out(message: Mapping[str, Any], terms: Terms) -> Change:
    record = flat(an_object(message.get("record"), "record"))
    what, _, action = (text_of(message.get("eventType")) or "").partition(".")
    expected = terms.settings.get("organization_id")
    if expected and not _same_id(text_of(message.get("organizationId")) or "", expected):
        what = "foreign"
    key = digest_key(
        b"flow",
        text_of(message.get("interviewGuid")) or "",
        record.get("Id") or "",
        text_of(message.get("occurredAt")) or "",
        str(sorted((k, v or "") for k, v in record.items())),
    )
    return _change(key, what, record, message.get("occurredAt"), action == "Deleted" or None)
