"""Worked compensation cases, told as events and folded at engine height."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID

from metrics_service.projections.facts import DealFacts, load_deal
from metrics_service.projections.pay.statement import ComponentStatement, statement
from onefunnel.events import Event, deal, directory, plans

from .histories import uid
from .memory_fold import MemoryFold
from .oracle_parts import Fact

PERIODS = ["2026", *(f"2026-Q{n}" for n in range(1, 5)), *(f"2026-{n:02}" for n in range(1, 13))]


class Case:
    """One case (or scenario of one) as events. Ids follow the order of names, as ties ask for."""

    def __init__(self, case: dict[str, Any], scenario: dict[str, Any] | None = None) -> None:
        self.case = {**case, **(scenario or {})}
        self.config = self.case["config"]
        events = self.case["events"]
        credits_ = [credit for event in events for credit in event.get("credits", [])]
        assigned = [given["rep"] for given in self.case["assignments"]]
        self.people = self._ids("person", [*assigned, *(c["rep"] for c in credits_)])
        self.deals = self._ids("deal", [e["deal"] for e in events if "deal" in e])
        self.plans = self._ids("plan", [plan["id"] for plan in self.case["plans"]])

    @staticmethod
    def _ids(kind: str, names: list[str]) -> dict[str, UUID]:
        return {name: uid(kind, n) for n, name in enumerate(sorted(set(names)))}

    def rules(self) -> list[Fact]:
        """The plans, assignments and quotas."""
        tenant = directory.TenantChanged(
            tenant_id=uid("tenant", 0), currency=self.config["currency"]
        )
        events: list[Event] = [tenant]
        events += [self._plan(plan) for plan in self.case["plans"]]
        events += [self._assignment(n, a) for n, a in enumerate(self.case["assignments"])]
        events += [self._quota(n, quota) for n, quota in enumerate(self.case.get("quotas", []))]
        return [Fact(uid("rule", n), 1, event) for n, event in enumerate(events)]

    def _plan(self, plan: dict[str, Any]) -> Event:
        plan_id = self.plans[plan["id"]]
        document = plans.PlanDocument(
            plan_id=plan_id,
            version=plan["version"],
            name=plan["id"],
            currency=self.config["currency"],
            rounding=plan.get("rounding", self.config["rounding"]),
            components=plan["components"],
        )
        return plans.PlanActivated(plan_id=plan_id, plan=document)

    def _assignment(self, n: int, given: dict[str, Any]) -> Event:
        return plans.PlanAssigned(
            assignment_id=uid("assignment", n),
            person_id=self.people[given["rep"]],
            plan_id=self.plans[given["plan"]],
            **{"from": given["from"], "to": given["to"]},
        )

    def _quota(self, n: int, quota: dict[str, Any]) -> Event:
        return plans.QuotaSet(
            quota_id=uid("quota", n),
            person_id=self.people[quota["rep"]],
            measure="revenue",
            component=quota["component"],
            period=quota["period"],
            currency=self.config["currency"],
            amount_minor=quota["amount"],
        )

    def happenings(self) -> list[Fact]:
        """What happened, in the order it became known; a repeated event keeps its id."""
        told: dict[str, Fact] = {}
        ordered = sorted(self.case["events"], key=lambda event: event["recorded_at"])
        for n, event in enumerate(ordered, start=1):
            fact = Fact(uid("event", n), n, self._event(event))
            told.setdefault(f"{event['id']}/{event.get('version', 1)}", fact)
        return list(told.values())

    def _event(self, event: dict[str, Any]) -> Event:
        return {
            "deal.won": self._won,
            "refund": self._refund,
            "period.closed": self._closed,
            "adjustment": self._adjustment,
        }[event["type"]](event)

    def _won(self, event: dict[str, Any]) -> Event:
        splits = [Fraction(credit["split"]) for credit in event["credits"]]
        equal = all(split == 1 for split in splits) and len(splits) > 1
        return deal.DealWon(
            deal_id=self.deals[event["deal"]],
            version=event.get("version", 1),
            at=noon(event["at"]),
            currency=self.config["currency"],
            lines=[
                deal.DealLine(
                    line_id=line["id"], revenue_minor=line["revenue"], cost_minor=line["cost"]
                )
                for line in event["lines"]
            ],
            credits=[
                deal.Credit(
                    person_id=self.people[credit["rep"]],
                    role=credit["role"],
                    split=None if equal else credit["split"],
                )
                for credit in event["credits"]
            ],
        )

    def _refund(self, event: dict[str, Any]) -> Event:
        return deal.DealRefunded(
            deal_id=self.deals[event["deal"]],
            refund_id=uid("refund", int(event["id"][1:])),
            at=noon(event["at"]),
            fraction=event["fraction"],
        )

    def _closed(self, event: dict[str, Any]) -> Event:
        at = noon(event["recorded_at"])
        return plans.PeriodClosed(period_id=uid("period", 0), period=event["period"], closed_at=at)

    def _adjustment(self, event: dict[str, Any]) -> Event:
        return plans.AdjustmentPosted(
            adjustment_id=uid("adjustment", int(event["id"][1:])),
            person_id=self.people[event["rep"]],
            at=noon(event["at"]),
            amount_minor=event["amount"],
            currency=self.config["currency"],
            reason="dispute",
        )

    def in_any_order(self, seed: int) -> MemoryFold:
        """Fold everything twice, in an order that nothing promises."""
        facts = 2 * (self.rules() + self.happenings())
        Random(seed).shuffle(facts)
        return self._fold(facts)

    def as_recorded(self) -> MemoryFold:
        """Fold in the order in which things became known: what postings depend on."""
        return self._fold(self.rules() + self.happenings())

    @staticmethod
    def _fold(facts: list[Fact]) -> MemoryFold:
        fold = MemoryFold()
        for fact in facts:
            fold.take(fact)
        return fold

    # What the cases ask.

    def earned(self, fold: MemoryFold) -> dict[str, Any]:
        names = {id_: name for name, id_ in self.people.items()}
        found: dict[str, Any] = {}
        for (payee, component, period, _currency), amount in fold.owed().items():
            found.setdefault(names[payee], {}).setdefault(component, {})[period] = amount
        return found

    def totals(self, fold: MemoryFold) -> dict[str, int]:
        found = dict.fromkeys(self.people, 0)
        for person, components in self.earned(fold).items():
            found[person] = sum(sum(periods.values()) for periods in components.values())
        return found

    def statements(self, fold: MemoryFold) -> Iterator[tuple[str, ComponentStatement]]:
        deals: list[tuple[UUID, DealFacts]] = [
            (id_, load_deal(data)) for id_, (kind, data) in fold.facts.items() if kind == "deal"
        ]
        for name, person in self.people.items():
            for period in PERIODS:
                for one in statement(person, period, deals, fold.rules):
                    yield name, one

    def lines(self, fold: MemoryFold, field: str = "amount") -> dict[str, Any]:
        names = {id_: name for name, id_ in self.deals.items()}
        found: dict[str, Any] = {}
        for person, one in self.statements(fold):
            for line in one.lines:
                value = line.amount_minor if field == "amount" else line.deal.vector.base_minor
                of_component = found.setdefault(person, {}).setdefault(one.key.component, {})
                of_component[names[line.deal.deal_id]] = value
        return found

    def attainment(self, fold: MemoryFold) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for person, one in self.statements(fold):
            if one.attainment is not None and one.lines:
                place = f"{one.key.component}@{one.key.earned_period}@{one.plan.name}"
                found.setdefault(person, {})[place] = f"{float(one.attainment):.6f}"
        return found

    def postings(self, fold: MemoryFold) -> dict[str, Any]:
        names = {id_: name for name, id_ in self.people.items()}
        found: dict[str, Any] = {}
        for key, posting, amount in fold.ledger:
            earned_here = posting.period == key.earned_period
            row = found.setdefault(names[key.payee_id], {}).setdefault(
                posting.period, {"current": 0, "retro": 0}
            )
            row["current" if earned_here else "retro"] += amount
        return found


def noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=12)
