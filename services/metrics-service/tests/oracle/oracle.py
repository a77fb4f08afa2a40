"""The slow, obvious oracle: every counter and every owed amount, recounted from the plain list of events.

It shares no code with `metrics_service.projections` and does not fold: it looks at all events of an
entity at once, with datetimes and exact fractions. Where it and the projections disagree, one of
them misreads the rules.

Answers are plain: {("FunnelKey", (fields…)): (numbers…)} and {(payee, component, period, currency): owed}.
"""

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from onefunnel.events import Event, content, deal, directory, lead

from .oracle_deal import DealCount
from .oracle_lead import LeadCount
from .oracle_parts import Counters, Fact, Tally, text_of
from .oracle_pay import Key, owed

__all__ = ["Fact", "Oracle"]


class Oracle:
    """All that can be said about a list of events of one tenant."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = list({fact.event_id: fact for fact in facts}.values())
        tenants = sorted(self.of(directory.TenantChanged), key=lambda fact: fact.sequence)
        self.tenant = tenants[-1].event if tenants else None
        self.zone = ZoneInfo(self.tenant.time_zone if self.tenant else "UTC")
        self.year_starts = self.tenant.fiscal_year_start if self.tenant else 1

    def of(self, *kinds: type[Event]) -> list[Fact]:
        return [fact for fact in self.facts if isinstance(fact.event, kinds)]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def funnel(self, name: str) -> directory.FunnelActivated | None:
        found = [f.event for f in self.of(directory.FunnelActivated) if f.event.funnel == name]
        return max(found, key=lambda event: (event.version, event.funnel_id), default=None)

    def counters(self) -> Counters:
        """Recount every counter but pay."""
        tally = Tally()
        for lead_id in {f.event.lead_id for f in self.of(lead.LeadCaptured)}:
            events = [f for f in self.facts if getattr(f.event, "lead_id", None) == lead_id]
            LeadCount(self, events).count(tally)
        for deal_id in {f.event.deal_id for f in self.of(deal.DealCreated)}:
            events = [
                f
                for f in self.facts
                if getattr(f.event, "deal_id", None) == deal_id
                and type(f.event).__module__ == deal.__name__
            ]
            DealCount(self, events).count(tally)
        for fact in self.of(content.ContentShared):
            share = fact.event
            key = (share.asset_id, text_of(share.shared_by), self.day(share.shared_at))
            tally.add("ContentUseKey", key, shares=1, deal_shares=share.deal_id is not None)
        return tally.counters()

    def owed(self) -> dict[Key, int]:
        """Recount what everybody is owed; zeros left out."""
        return owed(self)
