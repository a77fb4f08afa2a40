"""What rows mention in double braces: a thing that is there before the request, or a text too long for a row.

`{{won deal}}` is the id of a deal that was won. Each is made when it is first mentioned, and once: no row
changes it, since every row is refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from .rows import Row
from .stage import Stage

_MENTION: Final = re.compile(r"\{\{([a-z0-9 -]+)\}\}")
_SENT: Final = {"content-type": "application/json"}
_EUROS: Final = {"amount_minor": 90_000, "currency": "EUR"}


class Things:
    """The things of one stage by name; a name that nobody knows is a mistake in a row."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._made: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Return a row's text with everything it mentions in its place."""
        return _MENTION.sub(lambda found: self[found[1]], text)

    def filled(self, row: Row) -> Row:
        """Return a row with everything it mentions in its place."""
        if row.get("role") in _MAKING:
            self[row["role"]]
        texts = {name: self.fill(row[name]) for name in ("target", "body") if name in row}
        return {**row, **texts}

    def __getitem__(self, name: str) -> str:
        if name not in self._made:
            self._made[name] = _MAKING[name](self)
        return self._made[name]

    def post(
        self, target: str, body: Mapping[str, Any] | None = None, *, role: str = "admin"
    ) -> Any:
        """Ask for something that is not refused and return what is answered."""
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.stage.ask("POST", target, headers=_SENT, body=sent, role=role)
        assert answer.status in {200, 201}, answer.body
        return json.loads(answer.body)


def _id_at(target: str, body: Mapping[str, Any], things: Things) -> str:
    return str(things.post(target, body)["id"])


def _lead(things: Things) -> str:
    return _id_at("/v1/leads", {"name": "Eve", "email": "eve@example.org"}, things)


def _erased_lead(things: Things) -> str:
    lead = _id_at("/v1/leads", {"name": "Zoe", "email": "zoe@example.org"}, things)
    return _erased("lead", lead, things)


def _erased_person(things: Things) -> str:
    return _erased("person", _person("Joe", things), things)


def _erased(kind: str, subject: str, things: Things) -> str:
    asked = things.post("/v1/erasures", {"kind": kind, "subject": subject}, role="comp_admin")
    things.post(f"/v1/erasures/{asked['id']}/approve")
    return subject


def _deal(things: Things) -> str:
    return _id_at("/v1/deals", {"owner": things["rep"], "amount": _EUROS}, things)


def _won_deal(things: Things) -> str:
    deal = _deal(things)
    things.post(f"/v1/deals/{deal}/win", {})
    return deal


def _paid_deal(things: Things) -> str:
    deal = _won_deal(things)
    things.post(f"/v1/deals/{deal}/payments", {"amount": _EUROS})
    return deal


def _person(name: str, things: Things, **more: Any) -> str:
    return _id_at("/v1/people", {"name": name, "kind": "manager", **more}, things)


def _report(things: Things) -> str:
    return _person("Ann", things, memberships=[{"manager": things["manager"]}])


def _line_of_managers(things: Things) -> str:
    """Return the lowest of as many people as may stand above one another."""
    lowest = _person("Top", things)
    for n in range(50):
        lowest = _person(f"Boss {n}", things, memberships=[{"manager": lowest}])
    return lowest


def _plan(things: Things) -> str:
    component = {"id": "comm", "measure": "revenue", "rate": "0.08"}
    body = {"currency": "EUR", "components": [component]}
    return str(things.post("/v1/compensation/plans", body)["plan_id"])


def _paid_person(things: Things) -> str:
    person = _person("Pat", things)
    body = {"person": person, "plan": things["plan"], "from": "2026-01-01", "to": "2026-03-31"}
    things.post("/v1/compensation/assignments", body)
    return person


def _assignment(things: Things) -> str:
    body = {"person": things["rep"], "plan": things["plan"], "from": "2026-01-01"}
    return str(things.post("/v1/compensation/assignments", body)["id"])


def _closed_month(things: Things) -> str:
    things.post("/v1/compensation/periods/2025-03/close")
    return "2025-03"


def _beside_closed_month(month: str, things: Things) -> str:
    assert things["closed month"] != month
    return month


def _paymaster(name: str, things: Things) -> str:
    """Return somebody who decides about pay; rows ask as them by their name."""
    person = _person(name, things)
    made = things.post("/v1/keys", {"role": "comp_admin", "name": name, "person_id": person})
    things.stage.keys[name] = made["key"]
    return person


def _proposal(payee: str, things: Things) -> str:
    amount = {"amount_minor": 1, "currency": "EUR"}
    body = {"person": things[payee], "at": "2026-05-01T12:00:00Z", "amount": amount, "reason": "r"}
    assert things["eli"], "who proposes it has a key"
    return str(things.post("/v1/compensation/adjustments", body, role="eli")["id"])


def _approved(things: Things) -> str:
    proposal = _proposal("rep", things)
    assert things["una"], "who approves it has a key"
    things.post(f"/v1/compensation/adjustments/{proposal}/approve", role="una")
    return proposal


def _answered(things: Things) -> str:
    body = {"kind": "missing", "text": "a sheet", "owner_id": things["rep"], "due_on": "2026-12-01"}
    feedback = _id_at("/v1/feedback", body, things)
    things.post(f"/v1/feedback/{feedback}/answer", {"text": "made", "changed": True})
    return feedback


def _erasure(things: Things) -> str:
    body = {"kind": "person", "subject": things["other rep"]}
    return str(things.post("/v1/erasures", body, role="comp_admin")["id"])


def _cloudevents(things: Things) -> str:
    """Return where a sender of CloudEvents delivers, with its secret."""
    made = things.post("/v1/connections", {"provider": "cloudevents", "name": "our bus"})
    return f"/v1/webhooks/{made['url'].partition('/v1/webhooks/')[2]}?access_token={made['secret']}"


def _in(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _times(count: int, one: str) -> str:
    return ",".join(one.replace("#", str(n)) for n in range(count))


_MAKING: Final[Mapping[str, Callable[[Things], str]]] = {
    "lead": _lead,
    "erased lead": _erased_lead,
    "erased person": _erased_person,
    "deal": _deal,
    "won deal": _won_deal,
    "paid deal": _paid_deal,
    "rep": partial(_person, "Rob"),
    "other rep": partial(_person, "Ida"),
    "manager": partial(_person, "Max"),
    "report of manager": _report,
    "lowest of 51": _line_of_managers,
    "plan": _plan,
    "person paid until march": _paid_person,
    "open assignment of rep": _assignment,
    "closed month": _closed_month,
    "month before it": partial(_beside_closed_month, "2025-02"),
    "second month after it": partial(_beside_closed_month, "2025-05"),
    "campaign": partial(_id_at, "/v1/campaigns", {"name": "Fair"}),
    "eli": partial(_paymaster, "eli"),
    "una": partial(_paymaster, "una"),
    "proposal of eli": partial(_proposal, "rep"),
    "second proposal of eli": partial(_proposal, "rep"),
    "proposal of eli for una": partial(_proposal, "una"),
    "what una approved": _approved,
    "answered feedback": _answered,
    "erasure asked for": _erasure,
    "account": partial(_id_at, "/v1/accounts", {"name": "Acme"}),
    "product": partial(_id_at, "/v1/products", {"name": "Pump"}),
    "subscription": partial(
        _id_at, "/v1/webhook-subscriptions", {"url": "https://8.8.8.8/x", "events": ["deal.won"]}
    ),
    "connection": partial(
        _id_at, "/v1/connections", {"provider": "standard", "name": "another CRM"}
    ),
    "another connection": partial(
        _id_at, "/v1/connections", {"provider": "standard", "name": "a third CRM"}
    ),
    "cloudevents": _cloudevents,
    "in 24 hours": lambda _: _in(hours=24),
    "in 6 minutes": lambda _: _in(minutes=6),
    "501 leads": lambda _: _times(501, "{}"),
    "501 rows": lambda _: _times(501, '{"key":"k#","commands":[{}]}'),
    "201 lines": lambda _: _times(201, '{"id":"#","revenue_minor":1}'),
    "1001 people": lambda things: _times(1001, f'{{"person":"{things["rep"]}"}}'),
    "10000 tiers": lambda _: _times(10_000, '{"from":"#","rate":"0.1"}'),
    "129 characters": lambda _: "x" * 129,
    "201 characters": lambda _: "x" * 201,
    "a mebibyte": lambda _: "x" * (1 << 20),
}
