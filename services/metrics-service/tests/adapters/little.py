"""A small company told by hand: rules, one lead, one deal. Every event has an id of its own."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

from onefunnel.events import deal, directory, lead, plans

from ..oracle.histories import STEPS, Teller, uid

DAY = datetime(2026, 1, 10, 9, tzinfo=UTC)
PERSON = uid("person", 0)
DEAL = uid("deal", 0)
LEAD = uid("lead", 0)
PLAN = uid("plan", 0)
_ids = count(1)


def new_id() -> UUID:
    return uid("fresh", next(_ids))


class Company(Teller):
    """Tells events one by one; `facts` holds them with their sequences."""

    def rules(self, rate: str = "0.1") -> "Company":
        self.tell(directory.TenantChanged(tenant_id=uid("tenant", 0), currency="EUR"))
        steps = [
            directory.FunnelStep(key=k, owner=o, entity=e, entry=n, window_days=w)
            for k, o, e, n, w in STEPS
        ]
        self.tell(
            directory.FunnelActivated(
                funnel_id=uid("funnel", 0), funnel="default", version=1, steps=steps
            )
        )
        self.plan_version(1, rate)
        self.tell(
            plans.PlanAssigned(
                assignment_id=uid("assignment", 0),
                person_id=PERSON,
                plan_id=PLAN,
                **{"from": date(2026, 1, 1)},
            )
        )
        return self

    def plan_version(self, version: int, rate: str, **component: object) -> "Company":
        document = plans.PlanDocument(
            plan_id=PLAN,
            version=version,
            name="plan",
            currency="EUR",
            components=[{"id": "c0", "measure": "revenue", "rate": rate, **component}],
        )
        self.tell(plans.PlanActivated(plan_id=PLAN, plan=document))
        return self

    def quota_of(self, amount_minor: int) -> "Company":
        self.tell(
            plans.QuotaSet(
                quota_id=uid("quota", 0),
                person_id=PERSON,
                measure="revenue",
                period="2026-01",
                currency="EUR",
                amount_minor=amount_minor,
            )
        )
        return self

    def closed(self, period: str = "2026-01") -> "Company":
        self.tell(
            plans.PeriodClosed(period_id=uid("period" + period, 0), period=period, closed_at=DAY)
        )
        return self

    def captured(self, lead_id: UUID = LEAD) -> "Company":
        self.tell(lead.LeadCaptured(lead_id=lead_id, captured_at=DAY, source="web"))
        return self

    def assigned(self, lead_id: UUID = LEAD, days: int = 1) -> "Company":
        at = DAY + timedelta(days=days)
        self.tell(lead.LeadAssigned(lead_id=lead_id, owner_id=PERSON, assigned_at=at))
        return self

    def opened(self, deal_id: UUID = DEAL) -> "Company":
        amount = {"amount_minor": 5_000, "currency": "EUR"}
        self.tell(
            deal.DealCreated(deal_id=deal_id, created_at=DAY, stage="discovery", amount=amount)
        )
        return self

    def moved(self, to: str = "evaluation", deal_id: UUID = DEAL, days: int = 2) -> "Company":
        at = DAY + timedelta(days=days)
        self.tell(deal.DealStageChanged(deal_id=deal_id, to=to, at=at, **{"from": "discovery"}))
        return self

    def won(self, revenue: int = 10_000, deal_id: UUID = DEAL, version: int = 1) -> "Company":
        line = deal.DealLine(line_id="1", revenue_minor=revenue, cost_minor=revenue // 2)
        self.tell(
            deal.DealWon(
                deal_id=deal_id,
                version=version,
                at=DAY + timedelta(days=3),
                currency="EUR",
                lines=[line],
                credits=[deal.Credit(person_id=PERSON)],
            )
        )
        return self
