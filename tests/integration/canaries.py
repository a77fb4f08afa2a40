"""Somebody's words in every field that takes any, and the search for them in whatever is stored."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from onefunnel.ids import derived_id
from standalone.host.waiting import wait_until

CANARY: Final = "Canary4d2a"
MAIL: Final = f"{CANARY}@example.org"
IN_CLEAR: Final = "Clear4d2a"  # the name of a thing, not of a person: the search must find it
MONEY: Final = {"amount_minor": 500, "currency": "USD"}
CRM_LEAD: Final = "L-4d2a"
VAULTS: Final = ("lead", "scoring", "content", "metrics")
_SEEN_S: Final = 60


class Api:
    """A gateway, as its owner and as whoever else has a key."""

    def __init__(self, address: str, key: Callable[[str], str]) -> None:
        self._address = address
        self._key = key

    def ask(
        self, method: str, path: str, body: object = None, role: str = "admin", **headers: str
    ) -> tuple[int, Any]:
        """Send one request and return its status and its JSON, or its text."""
        content = None if body is None else json.dumps(body).encode()
        told = {"Authorization": f"Bearer {self._key(role)}", **headers}
        return self.send(method, path, content, told)

    def send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Send bytes, as nobody in particular."""
        request = urllib.request.Request(f"{self._address}{path}", method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if content is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, content, timeout=60) as answer:
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, _read(refused.read())

    def made(self, path: str, body: object, method: str = "POST", **more: str) -> Any:
        """Do what must succeed, and return the answer."""
        status, answer = self.ask(method, path, body, **more)
        assert status in {200, 201}, answer
        return answer

    def erase(self, kind: str, subject: str) -> Any:
        """Ask for an erasure, let another carry it out, and return the receipt."""
        receipt = self.made("/v1/erasures", {"kind": kind, "subject": subject})
        path = f"/v1/erasures/{receipt['id']}/approve"
        status, answer = self.ask("POST", path, {}, role="comp_admin")
        assert (status, answer["status"]) == (200, "erased"), answer
        return answer


def _read(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return content.decode()


@dataclass(frozen=True)
class Planted:
    """Whose the words are."""

    person: str
    lead: str
    deal: str
    from_crm: str  # the lead that a CRM told of


def planted(api: Api) -> Planted:
    """Put the canary into every field that a person's words can be in."""
    key = count()

    def post(path: str, body: object, method: str = "POST", **more: str) -> Any:
        return api.made(path, body, method, Idempotency_Key=f"planted-{next(key)}", **more)

    person = post("/v1/people", {"name": f"{CANARY} Ada", "email": f"a.{MAIL}", "kind": "rep"})
    who = {"name": f"{CANARY} Jane", "email": MAIL, "phone": "+49 30 4242", "company": CANARY}
    lead = post("/v1/leads", {**who, "attributes": {f"{CANARY} key": f"{CANARY} value"}})
    path = f"/v1/leads/{lead['id']}"
    patch = {"name": f"{CANARY} Janet", "attributes": {"about": f"{CANARY} more"}}
    post(path, patch, "PATCH", If_Match='"1"')
    post(f"{path}/assign", {"owner": person["id"]})
    post(f"{path}/touches", {"side": "sales", "channel": "call", "note": f"{CANARY} touch"})
    post(f"{path}/recycle", {"reason": "later", "note": f"{CANARY} recycle"})
    deal = post(f"{path}/convert", {"deal": {"name": f"{IN_CLEAR} deal"}})
    _of_the_deal(post, f"/v1/deals/{deal['id']}", deal["id"])
    _between_sales_and_marketing(post, lead["id"], deal["id"], person["id"])
    _about_campaigns(post)
    _about_pay(api, person["id"])
    for wrong in ({"name": "x", "email": f"{MAIL}@@"}, {CANARY: 1}, {"name": [CANARY]}):
        assert api.ask("POST", "/v1/leads", wrong)[0] in {400, 422}
    assert api.ask("GET", f"/v1/leads?state={CANARY}&owner={CANARY}")[0] in {200, 404, 422}
    status, file = api.ask("GET", "/v1/leads", Accept="text/csv")
    assert (status, CANARY in file) == (200, True), "a file has what its reader may see"
    return Planted(person["id"], lead["id"], deal["id"], _from_a_crm(api))


def _of_the_deal(post: Callable[..., Any], at: str, deal: str) -> None:
    post(f"{at}/stage", {"stage": "proposal", "evidence": f"{CANARY} evidence"})
    lost = {"outcome": "ghosted", "reason": "silence", "note": f"{CANARY} lose"}
    post(f"{at}/lose", lost)
    post(f"{at}/reopen", {"note": f"{CANARY} reopen"})
    post(f"{at}/win", {"lines": [{"id": "1", "revenue_minor": 900}], "note": f"{CANARY} win"})
    post(f"{at}/refunds", {"fraction": "0.5", "note": f"{CANARY} refund"})
    post(f"{at}/payments", {"amount": MONEY, "note": f"{CANARY} payment"})
    post("/v1/activities", {"deal": deal, "kind": "call", "note": f"{CANARY} activity"})


def _between_sales_and_marketing(
    post: Callable[..., Any], lead: str, deal: str, person: str
) -> None:
    asset = post("/v1/content", {"title": f"{IN_CLEAR} guide", "kind": "guide"})
    post(f"/v1/content/{asset['id']}/ratings", {"score": 2, "reason": f"{CANARY} verdict"})
    item = {"kind": "missing", "text": f"{CANARY} feedback", "owner_id": person}
    said = post("/v1/feedback", {**item, "due_on": "2026-12-01", "submitted_by": person})
    answer = {"text": f"{CANARY} answer", "changed": False}
    post(f"/v1/feedback/{said['id']}/answer", answer)
    words = {"deal_id": deal, "voice": "buyer", "reasons": ["price"], "text": f"{CANARY} loss"}
    post("/v1/win-loss", words)
    for side, score in (("marketing", 5), ("sales", 2)):
        post(f"/v1/leads/{lead}/ratings", {"side": side, "score": score})
    why = {"score": 3, "reason": f"{CANARY} decision"}
    case = post(f"/v1/leads/{lead}/ratings", {"side": "sales", "score": 1, "reason": "no_budget"})
    post(f"/v1/ratings/reconciliations/{case['reconciliation_id']}/decision", why)


def _about_campaigns(post: Callable[..., Any]) -> None:
    campaign = post("/v1/campaigns", {"name": f"{IN_CLEAR} campaign"})
    spend = {"on": "2026-01-01", "amount": MONEY, "note": f"{CANARY} spend"}
    post(f"/v1/campaigns/{campaign['id']}/spend", spend)
    capture = {"do": "lead.capture", "external": {"source": "file", "id": "7"}, "name": CANARY}
    rows = [{"key": f"{CANARY}@example.com", "commands": [capture]}]
    assert post("/v1/batches", {"source": "file", "items": rows})["items"][0]["status"] == "created"


def _about_pay(api: Api, person: str) -> None:
    """Let somebody propose what is paid, and somebody else approve it."""
    said = {"person": person, "at": "2026-02-01T09:00:00Z", "reason": f"{CANARY} promised"}
    adjustments, clerks = "/v1/compensation/adjustments", []
    for name in ("Clerk", "Checker"):
        clerk = api.made("/v1/people", {"name": f"{CANARY} {name}", "kind": "manager"})["id"]
        key = {"role": "comp_admin", "name": name, "person_id": clerk}
        clerks.append({"Authorization": f"Bearer {api.made('/v1/keys', key)['key']}"})
    proposed = api.made(adjustments, {**said, "amount": MONEY}, **clerks[0])
    api.made(f"{adjustments}/{proposed['id']}/approve", {}, **clerks[1])


def _from_a_crm(api: Api) -> str:
    """Let a CRM tell of a lead, with more than is asked of it; return the lead."""
    made = api.made("/v1/connections", {"provider": "standard", "name": f"{IN_CLEAR} CRM"})
    data = {"id": CRM_LEAD, "source": "web", "email": f"crm.{MAIL}", "name": f"{CANARY} Crm"}
    told = {"type": "lead.created", "timestamp": "2026-03-01T09:00:00Z", "data": data}
    body, stamp = json.dumps(told).encode(), str(int(time.time()))
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    mac = hmac.new(secret, f"told.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()
    headers = {"webhook-id": "told", "webhook-timestamp": stamp, "webhook-signature": signature}
    path = "/v1/webhooks/" + made["url"].partition("/v1/webhooks/")[2]
    status, answer = api.send("POST", path, body, headers)
    assert status == 200, answer
    tenant = UUID(api.ask("GET", "/v1/me")[1]["tenant"]["id"])
    lead = str(derived_id(tenant, made["source"], "lead", CRM_LEAD))
    assert wait_until(lambda: api.ask("GET", f"/v1/leads/{lead}")[0] == 200, _SEEN_S)
    return lead


def holding(directories: Iterable[Path], word: str) -> list[str]:
    """Return the files of any kind that hold a word, byte by byte."""
    files = [path for top in directories for path in (top.rglob("*") if top.is_dir() else [top])]
    return [str(path) for path in files if path.is_file() and word.encode() in _bytes(path)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a server removes its files as it likes
        return b""
