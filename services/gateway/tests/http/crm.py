"""Requests signed as CRMs sign them, with secrets and records of our own."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

ORGANIZATION = "00D000000000001AAA"
PUBLIC = "https://crm.example"


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass
class Sent:
    """One request to send."""

    path: str
    headers: dict[str, str]
    body: bytes
    query: str = ""


@dataclass
class Connected:
    """A connection and how its CRM signs."""

    id: str
    provider: str
    path: str
    secret: str

    def sent(self, content: Any, *, at: float | None = None, **more: str) -> Sent:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return globals()[f"_{self.provider.replace('-', '_')}"](self, body, at or time.time(), more)


def _hubspot(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    stamp, query = str(int(at * 1000)), more.get("query", "")
    signed = more.get("signed_query", query)
    url = PUBLIC + to.path + (f"?{signed}" if signed else "")
    signature = _b64(_mac(to.secret.encode(), b"POST" + url.encode() + body + stamp.encode()))
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return Sent(to.path, {**JSON, **headers}, body, query)


def _salesforce(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    headers = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}
    return Sent(f"{to.path}/{to.secret}", headers, body)


def _salesforce_flow(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(to.path, {**JSON, "X-Onefunnel-Key": to.secret}, body)


def _pipedrive(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(to.path, {**JSON, "Authorization": f"Basic {_b64(to.secret.encode())}"}, body)


def _standard(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    id_, stamp = more.get("id", "msg_1"), str(int(at))
    key = base64.b64decode(to.secret.removeprefix("whsec_"))
    signature = "v1," + _b64(_mac(key, f"{id_}.{stamp}.".encode() + body))
    headers = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}
    return Sent(to.path, {**JSON, **headers}, body)


def _cloudevents(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    media = more.get("media", "application/cloudevents+json")
    return Sent(to.path, {"Content-Type": media, "Authorization": f"Bearer {to.secret}"}, body)


def _zoho(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(to.path, JSON, body)


def _salesforce_cdc(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(to.path, {**JSON, "Authorization": f"Bearer {to.secret}"}, body)


def _close(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    stamp = str(int(at))
    signature = _mac(bytes.fromhex(to.secret), stamp.encode() + body).hex()
    return Sent(to.path, {**JSON, "close-sig-timestamp": stamp, "close-sig-hash": signature}, body)


def _espocrm(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    digest, id_ = _mac(to.secret.encode(), body), more.get("webhook_id", "wh1").encode() + b":"
    headers = {"Signature": _b64(id_ + digest.hex().encode())}
    if "legacy" in more:
        headers = {"X-Signature": _b64(id_ + digest)}
    return Sent(to.path, {**JSON, **headers}, body)


def _twenty(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    stamp = str(int(at * 1000))
    headers = {
        "X-Twenty-Webhook-Timestamp": stamp,
        "X-Twenty-Webhook-Signature": _mac(to.secret.encode(), f"{stamp}:".encode() + body).hex(),
        "X-Twenty-Webhook-Nonce": more.get("nonce", "n1"),
    }
    return Sent(to.path, {**JSON, **headers}, body)


def _odoo(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(f"{to.path}/{to.secret}", JSON, body)


def _dynamics(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    return Sent(to.path, {**JSON, "X-Onefunnel-Key": to.secret}, body)


def _papermark(to: Connected, body: bytes, at: float, more: dict[str, str]) -> Sent:
    signature = _mac(to.secret.encode(), body).hex()
    return Sent(to.path, {**JSON, "X-Papermark-Signature": signature}, body)


JSON = {"Content-Type": "application/json"}


def outbound_message(*records: dict[str, str | None], organization: str = ORGANIZATION) -> bytes:
    """An Outbound Message of Salesforce about opportunities."""
    notifications = "".join(
        f"<Notification><Id>{record.pop('notification')}</Id>"
        '<sObject xsi:type="sf:Opportunity" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        + "".join(
            f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{value}</sf:{name}>"
            for name, value in record.items()
        )
        + "</sObject></Notification>"
        for record in map(dict, records)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><e:Envelope '
        'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId>{notifications}"
        "</notifications></e:Body></e:Envelope>"
    ).encode()
