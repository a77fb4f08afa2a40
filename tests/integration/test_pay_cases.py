"""The worked compensation cases through the whole stack: HTTP in at the gateway, cents out of it."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onefunnel.testing.shared_files import shared_path
from standalone.gateway_client import Gateway
from standalone.settled import settle

pytestmark = pytest.mark.timeout(900)

# P18 closes a period, and a closed period takes no more postings of anybody: it comes last.
CASES = ("P01", "P02", "P03", "P04", "P05", "P12", "P13", "P29", "P18")
COMPONENT = ("id", "kind", "measure", "rate", "tiers", "period", "roles", "negative_margin")
SETTLED_S = 180


def case(name: str) -> dict[str, Any]:
    found = json.loads(shared_path("cases/compensation/cases.json").read_text())
    return dict(next(one for one in found["cases"] if one["id"] == name))


class Play:
    """One case in the tenant `main`: people of its own, so that cases do not meet."""

    def __init__(self, gateway: Gateway, told: dict[str, Any], name: str) -> None:
        self.gateway = gateway
        self.case = told
        self.name = name
        self.people: dict[str, str] = {}
        self.deals: dict[str, str] = {}

    def run(self) -> None:
        for person in sorted(self._people()):  # in this order: ties in a split go by id
            body = {"name": f"{person} of {self.name}", "kind": "rep"}
            self.people[person] = self.gateway.post("/v1/people", body)["id"]
        plans = {plan["id"]: self._plan(plan) for plan in self.case["plans"]}
        for one in self.case["assignments"]:
            body = {"person": self.people[one["rep"]], "plan": plans[one["plan"]]}
            body |= {"from": one["from"], "to": one["to"]}
            self.gateway.post("/v1/compensation/assignments", body)
        for quota in self.case.get("quotas", ()):
            self._quota(quota)
        for event in sorted(self.case["events"], key=lambda e: (e["recorded_at"], e["id"])):
            self._event(event)
        assert settle(self.gateway, SETTLED_S)

    def ledger(self, person: str) -> list[dict[str, Any]]:
        query = {"payee": self.people[person], "limit": 200}
        return list(self.gateway.get("/v1/compensation/ledger", query)["items"])

    def earned(self, person: str, component: str) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for entry in self.ledger(person):
            if entry["component"] == component:
                found[entry["earned_period"]] += entry["amount"]["amount_minor"]
        return dict(found)

    def statement(self, person: str, period: str) -> dict[str, Any]:
        query = {"payee": self.people[person], "period": period}
        return dict(self.gateway.get("/v1/compensation/statements", query))

    def lines(self, person: str, component: str, field: str) -> dict[str, int]:
        components = self.statement(person, "2026-01")["components"]
        (found,) = [c for c in components if c["component"] == component]
        names = {key: name for name, key in self.deals.items()}
        return {names[one["deal"]]: one[field]["amount_minor"] for one in found["lines"]}

    def _people(self) -> set[str]:
        credited = {c["rep"] for e in self.case["events"] for c in e.get("credits", ())}
        return credited | {one["rep"] for one in self.case["assignments"]}

    def _plan(self, plan: dict[str, Any]) -> str:
        components = [
            {name: one[name] for name in COMPONENT if one.get(name) is not None}
            for one in plan["components"]
        ]
        body = {"name": plan["id"], "currency": "USD", "components": components}
        return str(self.gateway.post("/v1/compensation/plans", body)["plan_id"])

    def _quota(self, quota: dict[str, Any]) -> None:
        body = {"person": self.people[quota["rep"]], "measure": "revenue"}
        body |= {"period": quota["period"], "component": quota["component"]}
        self.gateway.post("/v1/compensation/quotas", {**body, "amount_minor": quota["amount"]})

    def _event(self, event: dict[str, Any]) -> None:
        if event["type"] == "period.closed":
            # What was recorded before the close is to be folded before it.
            assert settle(self.gateway, SETTLED_S)
            self.gateway.post(f"/v1/compensation/periods/{event['period']}/close", {})
            assert settle(self.gateway, SETTLED_S)
            return
        name, at = event["deal"], f"{event['at']}T12:00:00Z"
        if name not in self.deals:
            body = {"name": name, "created_at": at, "currency": "USD"}
            self.deals[name] = self.gateway.post("/v1/deals", body)["id"]
        path = f"/v1/deals/{self.deals[name]}/win"
        self.gateway.post(path, {"at": at, "lines": _lines(event), "credits": self._credits(event)})

    def _credits(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        owners = [c for c in event["credits"] if c["role"] == "owner"]
        equal = len(owners) > 1 and all(c["split"] == "1" for c in owners)
        return [
            {
                "person": self.people[c["rep"]],
                "role": c["role"],
                **({} if equal and c["role"] == "owner" else {"split": c["split"]}),
            }
            for c in event["credits"]
        ]


def _lines(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": one["id"],
            "quantity": "1",
            "revenue_minor": one["revenue"],
            "cost_minor": one["cost"],
        }
        for one in event["lines"]
    ]


def plays(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a case, or each of its scenarios as one."""
    told = case(name)
    for scenario in told.get("scenarios", ()):
        part = f"{name} {scenario['name']}"
        yield part, {**told, **scenario, "expect": told["expect"][scenario["name"]]}
    if "scenarios" not in told:
        yield name, told


@pytest.fixture(scope="module")
def played(new_module_stack: Callable[[], Any]) -> Iterator[dict[str, Play]]:
    shared_path("cases/compensation/cases.json")
    stack = new_module_stack()
    found: dict[str, Play] = {}
    with contextlib.closing(Gateway(f"http://127.0.0.1:{stack.port}", stack.key())) as gateway:
        for name in CASES:
            for part, told in plays(name):
                found[part] = Play(gateway, told, part)
                found[part].run()
        yield found


def test_every_case_comes_out_to_the_cent(played: dict[str, Play]) -> None:
    for name, play in played.items():
        expect = play.case["expect"]
        for person, components in expect.get("earned", {}).items():
            for component, periods in components.items():
                assert play.earned(person, component) == periods, name
        for person, total in expect.get("totals", {}).items():
            assert sum(e["amount"]["amount_minor"] for e in play.ledger(person)) == total, name


def test_lines_are_the_case_s_lines(played: dict[str, Play]) -> None:
    for name, play in played.items():
        expect = play.case["expect"]
        field = "amount" if "lines" in expect else "base"
        for person, components in (expect.get("lines") or expect.get("credited") or {}).items():
            for component, lines in components.items():
                assert play.lines(person, component, field) == lines, name


def test_a_late_deal_leaves_a_closed_month_as_it_was(played: dict[str, Play]) -> None:
    play = played["P18"]
    for person, periods in play.case["expect"]["postings"].items():
        for period, posted in periods.items():
            (totals,) = play.statement(person, period)["totals"]
            assert totals["earned"]["amount_minor"] == posted["current"]
            assert totals["retro"]["amount_minor"] == posted["retro"]


def test_lines_are_explained_and_named(played: dict[str, Play]) -> None:
    play = played["P04"]
    statement = play.statement("amy", "2026-01")
    lines = statement["components"][0]["lines"]
    assert all(one["sentence"] and one["cause_event_ids"] for one in lines)
    assert statement["names"][play.people["amy"]] == "amy of P04"
    assert {statement["names"][one["deal"]] for one in lines} == {"d1", "d2", "d3"}
