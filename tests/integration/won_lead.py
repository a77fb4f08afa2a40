"""One lead's way from capture to money, told to any gateway: every service has a part in it."""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from standalone.gateway_client import Gateway
from standalone.host.waiting import wait_until
from standalone.settled import settle

WITHIN_S: Final = 120
REVENUE: Final = 125_000
RATE: Final = "0.1"
STEPS: Final = ("lead", "mql", "sal", "sql", "won")

_DEFINITION: Final = {
    "fit": {
        "rules": [
            {
                "id": "size",
                "when": {"field": "employees", "op": "between", "value": [100, 5_000]},
                "points": 50,
            }
        ]
    },
    "engagement": {"half_life_days": 21, "rules": []},
    "grades": {"fit": {"A": 50, "B": 30}, "engagement": {"1": 40, "2": 10}},
    "qualified": {"any_of": [{"grade_fit": ["A"]}]},
}
_COMPONENT: Final = {
    "id": "base",
    "kind": "rate",
    "measure": "revenue",
    "rate": RATE,
    "period": "month",
}


@dataclass(frozen=True)
class Won:
    """Who is paid for it, and when."""

    person: str
    period: str


def sign_definition(gateway: Gateway) -> None:
    """Let both sides sign what a qualified lead is. `gateway` is the tenant owner's."""
    with as_role(gateway, "marketer") as marketer, as_role(gateway, "manager") as manager:
        drafted = marketer.post("/v1/definitions/mql", _DEFINITION)
        path = f"/v1/definitions/mql/{drafted['version']}"
        marketer.post(f"{path}/sign", {})
        manager.post(f"{path}/sign", {})
    gateway.post(f"{path}/activate", {})


def hire(gateway: Gateway) -> str:
    """Make a rep with a plan in force."""
    person = str(gateway.post("/v1/people", {"name": "Rae Example", "kind": "rep"})["id"])
    plan = {"name": "base", "currency": "USD", "components": [_COMPONENT]}
    plan_id = gateway.post("/v1/compensation/plans", plan)["plan_id"]
    body = {"person": person, "plan": plan_id, "from": f"{_now():%Y}-01-01"}
    gateway.post("/v1/compensation/assignments", body)
    return person


def capture(gateway: Gateway) -> str:
    """Capture a lead that will be qualified for what it is."""
    lead = str(gateway.post("/v1/leads", {"source": "webinar", "captured_at": _at()})["id"])
    with as_role(gateway, "marketer") as marketer:
        marketer.post(f"/v1/leads/{lead}/attributes", {"attributes": {"employees": 500}})
    return lead


def win(gateway: Gateway, lead: str, person: str) -> Won:
    """Wait until the lead is qualified, hand it over, sell, and win."""
    assert wait_until(lambda: _qualified(gateway, lead), WITHIN_S), gateway.get(f"/v1/leads/{lead}")
    gateway.post(f"/v1/leads/{lead}/assign", {"owner": person})
    gateway.post(f"/v1/leads/{lead}/accept", {"person": person})
    deal = {"name": "first", "created_at": _at(), "currency": "USD", "owner": person}
    converted = gateway.post(f"/v1/leads/{lead}/convert", {"deal": deal})
    lines = [{"id": "1", "quantity": "1", "revenue_minor": REVENUE, "cost_minor": 0}]
    won = {"at": _at(), "lines": lines, "credits": [{"person": person, "role": "owner"}]}
    gateway.post(f"/v1/deals/{converted['id']}/win", won)
    return Won(person, f"{_now():%Y-%m}")


def entered(gateway: Gateway) -> dict[str, int]:
    """Return how many entered each step of the funnel, once all that was written is folded."""
    assert settle(gateway, WITHIN_S), gateway.get("/v1/status")
    (group,) = gateway.get("/v1/funnel")["groups"]
    return {step["step"]: step["entered"] for step in group["steps"] if step["step"] in STEPS}


def earned(gateway: Gateway, won: Won) -> int:
    """Return what the rep's statement says of the period, in minor units."""
    query = {"payee": won.person, "period": won.period}
    statement: dict[str, Any] = gateway.get("/v1/compensation/statements", query)
    (component,) = statement["components"]
    return sum(line["amount"]["amount_minor"] for line in component["lines"])


@contextlib.contextmanager
def as_role(gateway: Gateway, role: str) -> Any:
    """Open a client of the same gateway with a key of another role."""
    key = gateway.post("/v1/keys", {"role": role, "name": role})["key"]
    with contextlib.closing(Gateway(gateway.url, key)) as client:
        yield client


def _qualified(gateway: Gateway, lead: str) -> bool:
    return gateway.get(f"/v1/leads/{lead}")["qualified_at"] is not None


def _now() -> datetime:
    return datetime.now(UTC)


def _at() -> str:
    return _now().isoformat()
