"""Runs a worked compensation case against the HTTP of metrics-service; deals come as events."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from onefunnel.events import Event
from onefunnel.events.deal import DealRefunded, DealWon
from onefunnel.ids import new_id
from onefunnel.testing.shared_files import shared_path

from .world import credit, deal, line, noon, tenant

TIERS = ("id", "kind", "measure", "rate", "tiers", "period", "roles", "negative_margin", "source")


def case(key: str) -> dict[str, Any]:
    """Return a case by its id; skips loudly where the cases are absent."""
    cases = json.loads(shared_path("cases/compensation/cases.json").read_text())
    return next(one for one in cases["cases"] if one["id"] == key)


@dataclass
class CaseRun:
    """One case in one tenant: names of the case to ids, and back."""

    metrics: Any
    case: dict[str, Any]
    people: dict[str, UUID] = field(default_factory=dict)
    deals: dict[str, Any] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)

    async def play(self) -> "CaseRun":
        """Tell the whole case in the order in which it was recorded."""
        case_ = self.case
        currency = case_["config"]["currency"]
        await self.metrics.tell(tenant(self.metrics.tenant, currency=currency))
        for name in sorted(_people(case_)):
            self.people[name] = new_id()
        for plan in case_["plans"]:
            await self._plan(plan, currency)
        for one in case_["assignments"]:
            body = {"person": str(self.people[one["rep"]]), "plan": self.plans[one["plan"]]}
            body |= {"from": one["from"], "to": one["to"]}
            await self.metrics.post("/v1/compensation/assignments", body)
        for quota in case_.get("quotas", ()):
            await self._quota(quota)
        await self.metrics.settle()
        for event in sorted(case_["events"], key=lambda e: (e["recorded_at"], e["id"])):
            await self._event(event)
        return self

    async def earned(self, name: str, component: str) -> dict[str, int]:
        """Return the sums of the book by earned period."""
        found: dict[str, int] = defaultdict(int)
        for entry in await self.ledger(name):
            if entry["component"] == component:
                found[entry["earned_period"]] += entry["amount"]["amount_minor"]
        return dict(found)

    async def ledger(self, name: str) -> list[dict[str, Any]]:
        """Return every entry of a person."""
        path = "/v1/compensation/ledger"
        return (await self.metrics.get(path, payee=str(self.people[name]), limit=200))["items"]

    async def statement(self, name: str, period: str) -> dict[str, Any]:
        """Return a person's statement."""
        path = "/v1/compensation/statements"
        return await self.metrics.get(path, payee=str(self.people[name]), period=period)

    def name_of(self, deal_id: str) -> str:
        """Return the case's name of a deal."""
        return next(name for name, event in self.deals.items() if str(event.deal_id) == deal_id)

    async def _plan(self, plan: dict[str, Any], currency: str) -> None:
        components = [
            {name: component[name] for name in TIERS if component.get(name) is not None}
            for component in plan["components"]
        ]
        body = {"name": plan["id"], "currency": currency, "components": components}
        made = await self.metrics.post("/v1/compensation/plans", body)
        self.plans[plan["id"]] = made["plan_id"]

    async def _quota(self, quota: dict[str, Any]) -> None:
        body = {"person": str(self.people[quota["rep"]]), "measure": "revenue"}
        body |= {"period": quota["period"], "component": quota["component"]}
        body["amount_minor"] = quota["amount"]
        await self.metrics.post("/v1/compensation/quotas", body)

    async def _event(self, event: dict[str, Any]) -> None:
        if event["type"] == "period.closed":
            path = f"/v1/compensation/periods/{event['period']}/close"
            await self.metrics.post(path, status=200)
            await self.metrics.settle()
            return
        await self.metrics.tell(*self._deal(event))

    def _deal(self, event: dict[str, Any]) -> Iterator[Event]:
        name, at = event["deal"], noon(event["at"])
        currency = event.get("currency", self.case["config"]["currency"])
        if name not in self.deals:
            self.deals[name] = deal(at, currency=currency)
            yield self.deals[name]
        made = self.deals[name]
        if event["type"] == "refund":
            yield DealRefunded(
                deal_id=made.deal_id, refund_id=new_id(), at=at, fraction=event["fraction"]
            )
            return
        owners = [c for c in event["credits"] if c["role"] == "owner"]
        equal = len(owners) > 1 and all(c["split"] == "1" for c in owners)
        yield DealWon(
            deal_id=made.deal_id,
            version=event.get("version", 1),
            at=at,
            currency=currency,
            lines=tuple(line(x["revenue"], x["cost"], id=x["id"]) for x in event["lines"]),
            credits=tuple(
                credit(
                    self.people[c["rep"]],
                    None if equal and c["role"] == "owner" else c["split"],
                    c["role"],
                )
                for c in event["credits"]
            ),
        )


def _people(case_: dict[str, Any]) -> set[str]:
    people = {one["rep"] for one in case_["assignments"]}
    return people | {c["rep"] for e in case_["events"] for c in e.get("credits", ())}
