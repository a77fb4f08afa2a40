"""A small world told in events: who there is, what was sold; each event once, in sequence."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from onefunnel.events import Event, spec_of
from onefunnel.events.deal import (
    Credit,
    DealCreated,
    DealLine,
    DealLost,
    DealRefunded,
    DealStageChanged,
    DealWon,
    Origin,
)
from onefunnel.events.directory import FunnelActivated, Membership, PersonChanged, TenantChanged
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.events.lead import (
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadConverted,
    LeadDisqualified,
    TouchRecorded,
)
from onefunnel.events.scoring import LeadQualified
from onefunnel.events.values import Money
from onefunnel.ids import new_id

STEPS = (
    ("lead", "marketing", "lead", "lead.captured", 90),
    ("mql", "marketing", "lead", "lead.qualified", 30),
    ("sal", "sales", "lead", "lead.accepted", 7),
    ("sql", "sales", "lead", "lead.converted", 30),
    ("discovery", "sales", "deal", "deal.stage_changed", 60),
    ("evaluation", "sales", "deal", "deal.stage_changed", 60),
    ("proposal", "sales", "deal", "deal.stage_changed", 60),
    ("negotiation", "sales", "deal", "deal.stage_changed", 60),
    ("won", "sales", "deal", "deal.won", 3650),
)


def noon(day: str | date) -> datetime:
    """Return noon of a day, in UTC."""
    found = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime(found.year, found.month, found.day, 12, tzinfo=UTC)


def funnel() -> FunnelActivated:
    """Return the default funnel."""
    steps = tuple(
        {"key": key, "owner": owner, "entity": entity, "entry": entry, "window_days": days}
        for key, owner, entity, entry, days in STEPS
    )
    return FunnelActivated.model_validate(
        {"funnel_id": str(new_id()), "funnel": "default", "version": 1, "steps": steps}
    )


def person(kind: str = "rep", *, key: UUID | None = None, **membership: Any) -> PersonChanged:
    """Return a person with at most one membership."""
    memberships = (Membership.model_validate(membership),) if membership else ()
    return PersonChanged(person_id=key or new_id(), kind=kind, memberships=memberships)


@dataclass
class Teller:
    """Numbers the events of each aggregate and turns them into records of one tenant."""

    tenant: UUID
    sequences: Counter = field(default_factory=Counter)

    def records(self, *events: Event) -> list[Record]:
        found = []
        for event in events:
            spec = spec_of(event)
            key = (spec.aggregate, getattr(event, spec.key))
            found += encode([event], self._metadata(), after_sequence=self.sequences[key])
            self.sequences[key] += 1
        return found

    def _metadata(self) -> Metadata:
        return Metadata(self.tenant, "/services/test", "system:test", "c", datetime.now(UTC))


def tenant(key: UUID, *, currency: str = "USD", time_zone: str = "UTC") -> TenantChanged:
    """Return the tenant's calendar."""
    return TenantChanged(tenant_id=key, time_zone=time_zone, currency=currency)


def lead(
    captured: datetime,
    *,
    qualified: datetime | None = None,
    accepted: datetime | None = None,
    converted: datetime | None = None,
    disqualified: datetime | None = None,
    worked: datetime | None = None,
    assigned: datetime | None = None,
    owner: UUID | None = None,
    source: str | None = None,
    segment: str | None = None,
    deal: UUID | None = None,
) -> list[Event]:
    """Return the events of a lead."""
    key = new_id()
    found: list[Event] = [
        LeadCaptured(
            lead_id=key, captured_at=captured, source=source, segment=segment, owner_id=owner
        )
    ]
    if qualified:
        found.append(LeadQualified(lead_id=key, definition_version=1, qualified_at=qualified))
    if assigned:
        found.append(LeadAssigned(lead_id=key, owner_id=owner or new_id(), assigned_at=assigned))
    if worked:
        found.append(
            TouchRecorded(
                lead_id=key, touch_id=new_id(), touched_at=worked, side="sales", channel="call"
            )
        )
    if accepted:
        found.append(LeadAccepted(lead_id=key, accepted_by=owner, accepted_at=accepted))
    if converted:
        found.append(LeadConverted(lead_id=key, deal_id=deal or new_id(), converted_at=converted))
    if disqualified:
        found.append(LeadDisqualified(lead_id=key, disqualified_at=disqualified, reason="no fit"))
    return found


def deal(
    created: datetime | None,
    *,
    key: UUID | None = None,
    owner: UUID | None = None,
    amount: int | None = None,
    currency: str = "USD",
    stage: str = "discovery",
    source: str | None = None,
    product: UUID | None = None,
    account: UUID | None = None,
    origin: Origin | None = None,
) -> DealCreated:
    """Return a new deal."""
    return DealCreated(
        deal_id=key or new_id(),
        created_at=created,
        stage=stage,
        owner_id=owner,
        amount=None if amount is None else Money(amount_minor=amount, currency=currency),
        account_id=account,
        product_id=product,
        source=source,
        origin=origin,
    )


def moved(of: DealCreated, to: str, at: datetime, from_: str = "discovery") -> DealStageChanged:
    """Return a change of stage."""
    return DealStageChanged(deal_id=of.deal_id, from_=from_, to=to, at=at)


def line(revenue: int, cost: int | None = None, **more: Any) -> DealLine:
    """Return a line."""
    return DealLine(line_id=more.pop("id", "1"), revenue_minor=revenue, cost_minor=cost, **more)


def credit(person_id: UUID, split: str | None = None, role: str = "owner") -> Credit:
    """Return a credit."""
    return Credit(person_id=person_id, role=role, split=split)


def won(
    of: DealCreated,
    at: datetime,
    *lines: DealLine,
    credited: tuple[Credit, ...] = (),
    currency: str = "USD",
    version: int = 1,
) -> DealWon:
    """Return a booking, credited to the owner unless told otherwise."""
    shares = credited or ((credit(of.owner_id),) if of.owner_id else ())
    return DealWon(
        deal_id=of.deal_id, version=version, at=at, currency=currency, lines=lines, credits=shares
    )


def lost(of: DealCreated, at: datetime, outcome: str = "lost_to_competitor") -> DealLost:
    """Return a loss."""
    return DealLost(deal_id=of.deal_id, at=at, outcome=outcome, reason="price")


def refunded(of: DealCreated, at: datetime, fraction: str) -> DealRefunded:
    """Return a refund."""
    return DealRefunded(deal_id=of.deal_id, refund_id=new_id(), at=at, fraction=fraction)


def days(n: int) -> timedelta:
    """Return so many days."""
    return timedelta(days=n)
