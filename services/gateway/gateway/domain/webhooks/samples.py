"""Requests that we sign ourselves, as each vendor would: they prove the way in and tell of no record."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from gateway.domain.connection import Connection
from gateway.domain.webhooks.dynamics import HEADER
from gateway.domain.webhooks.request import Received, decoded64, mac
from gateway.domain.webhooks.standard import PREFIX

Signed = Callable[[Connection, str, str, datetime, str], Received]
_JSON: Final = {"content-type": "application/json"}


def sample(connection: Connection, secret: str, url: str, now: datetime) -> Received:
    """Return a request of this connection's vendor, signed now with `secret`."""
    return _OF[connection.provider](connection, secret, url, now, secrets.token_hex(8))


def _post(url: str, body: object, headers: Mapping[str, str]) -> Received:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Received("POST", url, {**_JSON, **headers}, {}, content)


def _hubspot(connection: Connection, secret: str, url: str, now: datetime, nonce: str) -> Received:
    stamp = str(int(now.timestamp() * 1000))
    event = {
        "eventId": int(nonce, 16) >> 11,
        "subscriptionType": "onefunnel.test",
        "portalId": connection.settings.get("portal_id", 0),
        "occurredAt": int(stamp),
    }
    body = json.dumps([event]).encode()
    message = b"POST" + url.encode() + body + stamp.encode()
    signature = base64.b64encode(mac(secret.encode(), message)).decode()
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}
    return _post(url, body, headers)


def _salesforce(
    connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    organization = connection.settings.get("organization_id", "")
    body = (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><Notification><Id>test{nonce}</Id>"
        '<sObject xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="sf:Test"/>'
        "</Notification></notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()
    return Received("POST", url, {"content-type": "text/xml"}, {}, body, path_secret=secret)


def _flow(connection: Connection, secret: str, url: str, _now: datetime, nonce: str) -> Received:
    header = connection.settings.get("header", "x-onefunnel-key").lower()
    body = {
        "eventType": "Test.Sent",
        "interviewGuid": nonce,
        "organizationId": connection.settings.get("organization_id", ""),
        "record": {"Id": nonce},
    }
    return _post(url, body, {header: secret})


def _captured(
    _connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    header = {"entityName": "Test", "changeType": "CREATE", "transactionKey": nonce}
    body = {"payload": {"ChangeEventHeader": {**header, "recordIds": [nonce]}}}
    return _post(url, body, {"authorization": f"Bearer {secret}"})


def _pipedrive(
    _connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    credentials = base64.b64encode(secret.encode()).decode()
    body = {"meta": {"id": nonce, "entity": "test", "action": "test"}, "data": None}
    return _post(url, body, {"authorization": f"Basic {credentials}"})


def _standard(
    _connection: Connection, secret: str, url: str, now: datetime, nonce: str
) -> Received:
    stamp = str(int(now.timestamp()))
    body = json.dumps({"type": "onefunnel.test", "data": {}}).encode()
    key = decoded64(secret.removeprefix(PREFIX)) or b""
    signature = base64.b64encode(mac(key, f"{nonce}.{stamp}.".encode() + body)).decode()
    headers = {
        "webhook-id": nonce,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return _post(url, body, headers)


def _cloudevents(
    _connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    event = {"specversion": "1.0", "id": nonce, "source": "/onefunnel", "type": "onefunnel.test"}
    headers = {
        "authorization": f"Bearer {secret}",
        "content-type": "application/cloudevents+json",
    }
    return _post(url, event, headers)


def _zoho(_connection: Connection, secret: str, url: str, _now: datetime, nonce: str) -> Received:
    body = {"token": secret, "module": "Test", "operation": nonce, "ids": [nonce]}
    return _post(url, body, {})


def _dynamics(
    connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    header = connection.settings.get("header", HEADER).lower()
    body = {"OperationId": nonce, "MessageName": "Test", "PrimaryEntityName": "test"}
    return _post(url, body, {header: secret})


def _close(_connection: Connection, secret: str, url: str, now: datetime, nonce: str) -> Received:
    stamp = str(int(now.timestamp()))
    body = json.dumps({"event": {"id": nonce, "object_type": "test", "action": "sent"}}).encode()
    signature = mac(bytes.fromhex(secret), stamp.encode() + body).hex()
    return _post(url, body, {"close-sig-timestamp": stamp, "close-sig-hash": signature})


def _espocrm(connection: Connection, secret: str, url: str, _now: datetime, nonce: str) -> Received:
    body = json.dumps([{"test": nonce}]).encode()
    name = connection.settings.get("webhook_id", "test")
    signed = f"{name}:{mac(secret.encode(), body).hex()}".encode()
    return _post(url, body, {"signature": base64.b64encode(signed).decode()})


def _twenty(_connection: Connection, secret: str, url: str, now: datetime, nonce: str) -> Received:
    stamp = str(int(now.timestamp() * 1000))
    body = json.dumps({"eventName": "test.sent", "webhookId": nonce, "record": {}}).encode()
    signature = mac(secret.encode(), stamp.encode() + b":" + body).hex()
    headers = {"x-twenty-webhook-timestamp": stamp, "x-twenty-webhook-signature": signature}
    return _post(url, body, headers)


def _odoo(_connection: Connection, secret: str, url: str, _now: datetime, nonce: str) -> Received:
    body = json.dumps({"_model": "test", "_id": nonce}).encode()
    return Received("POST", url, _JSON, {}, body, path_secret=secret)


def _papermark(
    _connection: Connection, secret: str, url: str, _now: datetime, nonce: str
) -> Received:
    body = json.dumps({"id": nonce, "event": "onefunnel.test", "data": {}}).encode()
    return _post(url, body, {"x-papermark-signature": mac(secret.encode(), body).hex()})


_OF: Final[Mapping[str, Signed]] = {
    "hubspot": _hubspot,
    "salesforce": _salesforce,
    "salesforce-flow": _flow,
    "salesforce-cdc": _captured,
    "pipedrive": _pipedrive,
    "standard": _standard,
    "cloudevents": _cloudevents,
    "zoho": _zoho,
    "dynamics": _dynamics,
    "close": _close,
    "espocrm": _espocrm,
    "twenty": _twenty,
    "odoo": _odoo,
    "papermark": _papermark,
}
