"""Short ways to tell events to facts and rules."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from metrics_service.projections.contributions import deal_contributions, journey_contributions
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import DealFacts, JourneyFacts
from metrics_service.projections.keys import Key, Vector
from onefunnel.events import Event, deal, directory, lead, plans, spec_of

LEAD = UUID(int=1)
DEAL = UUID(int=2)
AMY, BOB, CAL = UUID(int=11), UUID(int=12), UUID(int=13)
PLAN, ASSIGNMENT = UUID(int=21), UUID(int=22)
PRODUCT, OTHER_PRODUCT = UUID(int=31), UUID(int=32)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULT_STEPS = [
    ("lead", "marketing", "lead", "lead.captured", 90),
    ("mql", "marketing", "lead", "lead.qualified", 30),
    ("sal", "sales", "lead", "lead.accepted", 7),
    ("sql", "sales", "lead", "lead.converted", 30),
    ("discovery", "sales", "deal", "deal.stage_changed", 60),
    ("evaluation", "sales", "deal", "deal.stage_changed", 60),
    ("proposal", "sales", "deal", "deal.stage_changed", 60),
    ("negotiation", "sales", "deal", "deal.stage_changed", 60),
    ("won", "sales", "deal", "deal.won", 3650),
]


def day(n: float) -> datetime:
    """The n-th day after New Year 2026, UTC."""
    return NEW_YEAR + timedelta(days=n)


def rules(*events: Event, zone: str = "UTC", fiscal_year_start: int = 1) -> Definitions:
    """A tenant with the default funnel and whatever else is told."""
    steps = [
        directory.FunnelStep(key=k, owner=o, entity=e, entry=n, window_days=w)
        for k, o, e, n, w in DEFAULT_STEPS
    ]
    tenant = directory.TenantChanged(
        tenant_id=UUID(int=90), time_zone=zone, currency="EUR", fiscal_year_start=fiscal_year_start
    )
    funnel = directory.FunnelActivated(
        funnel_id=UUID(int=91), funnel="default", version=1, steps=steps
    )
    found = Definitions.empty()
    for n, event in enumerate([tenant, funnel, *events], start=1):
        found = found.apply(spec_of(event).type, event, event_id=UUID(int=1_000 + n), sequence=n)
    return found


def plan(*components: dict[str, Any], version: int = 1, **fields: Any) -> Event:
    document = plans.PlanDocument(
        plan_id=PLAN,
        version=version,
        name="plan",
        currency=fields.pop("currency", "EUR"),
        components=[{"id": f"c{n}", **component} for n, component in enumerate(components)],
        **fields,
    )
    return plans.PlanActivated(plan_id=PLAN, plan=document)


def assigned(
    person: UUID = AMY, start: date = date(2026, 1, 1), to: date | None = None, n: int = 0
) -> Event:
    return plans.PlanAssigned(
        assignment_id=UUID(int=ASSIGNMENT.int + 100 * n),
        person_id=person,
        plan_id=PLAN,
        **{"from": start, "to": to},
    )


def quota(amount: int | None = None, *, period: str = "2026-01", **fields: Any) -> Event:
    values = {"quota_id": UUID(int=41), "person_id": AMY, "measure": "revenue", **fields}
    return plans.QuotaSet(period=period, amount_minor=amount, **values)


def told(facts: Any, *events: Event, start: int = 1) -> Any:
    """Tell events to facts in their order; the n-th has the event id n."""
    for n, event in enumerate(events, start=start):
        tell(facts, event, n)
    return facts


def tell(facts: Any, event: Event, n: int) -> None:
    facts.apply(spec_of(event).type, event, event_id=UUID(int=n), sequence=n, time=NEW_YEAR)


def captured(n: float | None = 0, **fields: Any) -> Event:
    at = None if n is None else day(n)
    return lead.LeadCaptured(lead_id=LEAD, captured_at=at, **fields)


def created(n: float | None = 0, stage: str = "discovery", **fields: Any) -> Event:
    at = None if n is None else day(n)
    return deal.DealCreated(deal_id=DEAL, created_at=at, stage=stage, **fields)


def moved(n: float, to: str, corrects: int | None = None) -> Event:
    return deal.DealStageChanged(
        deal_id=DEAL,
        to=to,
        at=day(n),
        corrects=None if corrects is None else UUID(int=corrects),
        **{"from": "discovery"},
    )


def won(n: float, *lines: dict[str, Any], version: int = 1, **fields: Any) -> Event:
    lines = lines or ({"revenue_minor": 10_000, "cost_minor": 6_000},)
    return deal.DealWon(
        deal_id=DEAL,
        version=version,
        at=day(n),
        currency=fields.get("currency", "EUR"),
        lines=[{"line_id": str(place), **line} for place, line in enumerate(lines)],
        credits=fields.get("credits", [{"person_id": AMY}]),
    )


def lost(n: float, outcome: str = "lost_to_competitor") -> Event:
    return deal.DealLost(deal_id=DEAL, at=day(n), outcome=outcome, reason="price")


def reopened(n: float) -> Event:
    return deal.DealReopened(deal_id=DEAL, at=day(n))


def cancelled(n: float) -> Event:
    return deal.DealCancelled(deal_id=DEAL, at=day(n))


def refunded(n: float, fraction: str, id_: int = 51) -> Event:
    return deal.DealRefunded(deal_id=DEAL, refund_id=UUID(int=id_), at=day(n), fraction=fraction)


def of_deal(definitions: Definitions, *events: Event) -> dict[Key, Vector]:
    return deal_contributions(DEAL, told(DealFacts(), *events), definitions)


def of_lead(definitions: Definitions, *events: Event) -> dict[Key, Vector]:
    return journey_contributions(LEAD, told(JourneyFacts(), *events), definitions)


def overall(contributions: dict[Key, Vector], kind: type) -> dict[Any, Any]:
    """The keys of a kind under dimension "all", by what follows the dimension."""
    return {
        tuple(key)[list(key).index("all") + 2 :]: vector
        for key, vector in contributions.items()
        if type(key) is kind and "all" in tuple(key)
    }
