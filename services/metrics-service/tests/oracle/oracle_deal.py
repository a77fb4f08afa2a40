"""The oracle's deals: how a deal stands, what it is worth, which counters it adds to."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from onefunnel.events import deal

from .oracle_parts import count_entries, count_reach, newest, reach, text_of


def half_away(value: Fraction) -> int:
    """Round half away from zero."""
    return int(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


def winner(facts: list[Any]) -> Any:
    """The booking that counts: newest version, then highest event id."""
    booked = [f for f in facts if isinstance(f.event, deal.DealWon)]
    return max(booked, key=lambda f: (f.event.version, f.event_id.int), default=None)


def status(facts: list[Any]) -> tuple[str, Any]:
    """How the deal stands and the event that made it so."""
    deciding = [
        f
        for f in facts
        if isinstance(
            f.event, (deal.DealCreated, deal.DealLost, deal.DealReopened, deal.DealCancelled)
        )
    ]
    best = winner(facts)
    deciding += [best] if best else []
    last = max(deciding, key=lambda f: f.sequence)
    names = {deal.DealWon: "won", deal.DealLost: "lost", deal.DealCancelled: "cancelled"}
    return names.get(type(last.event), "open"), last.event


def refunded(facts: list[Any]) -> Fraction:
    """The fraction paid back, each refund once, at most all."""
    first_last = sorted(facts, key=lambda f: -f.sequence)
    by_id = {
        f.event.refund_id: f.event for f in first_last if isinstance(f.event, deal.DealRefunded)
    }
    return min(Fraction(1), sum((Fraction(r.fraction) for r in by_id.values()), Fraction(0)))


class DealCount:
    """What one deal counts for."""

    def __init__(self, oracle: Any, facts: list[Any]) -> None:
        self.oracle = oracle
        self.facts = facts
        self.created = newest(facts, deal.DealCreated)
        self.label = newest(facts, deal.DealCreated, deal.DealUpdated)
        self.origin = self.created.origin
        self.funnel = oracle.funnel(self.created.funnel)
        self.status, self.closing = status(facts)
        self.booking = self.closing if self.status == "won" else None
        moves = [f for f in facts if isinstance(f.event, deal.DealStageChanged)]
        gone = {f.event.corrects for f in moves}
        stops = [(f.event.at, f.sequence, f.event.to) for f in moves if f.event_id not in gone]
        first = next(f for f in facts if f.event is self.created)
        if first.event_id not in gone:
            at = self.created.created_at or datetime.min.replace(tzinfo=oracle.zone)
            stops.append((at, first.sequence, self.created.stage))
        self.stops = sorted(stops)

    @property
    def worth(self) -> tuple[str, int]:
        if self.booking:
            return self.booking.currency, sum(line.revenue_minor for line in self.booking.lines)
        amount = self.label.amount
        return (amount.currency, amount.amount_minor) if amount else ("", 0)

    def labels(self) -> list[tuple[str, str]]:
        label, origin = self.label, self.origin
        return [
            ("all", ""),
            ("owner", text_of(label.owner_id)),
            ("source", text_of(label.source or (origin and origin.source))),
            ("campaign", text_of(label.campaign_id or (origin and origin.campaign_id))),
            ("segment", text_of(label.segment or (origin and origin.segment))),
        ]

    def journey_labels(self) -> list[tuple[str, str]]:
        origin = self.origin
        if not origin:
            return self.labels()
        owner = origin.owner_id or self.label.owner_id
        return [
            ("all", ""),
            ("owner", text_of(owner)),
            ("source", text_of(origin.source)),
            ("campaign", text_of(origin.campaign_id)),
            ("segment", text_of(origin.segment)),
        ]

    def all_labels(self) -> list[tuple[str, str]]:
        return [
            *self.labels(),
            ("account", text_of(self.label.account_id)),
            ("product", text_of(self.label.product_id)),
        ]

    def dated(self) -> list[tuple[datetime, int, str]]:
        return [stop for stop in self.stops if stop[0].year > 1]

    def count(self, tally: Any) -> None:
        if self.funnel:
            self.count_steps(tally)
            for label in self.all_labels():
                head = (self.funnel.funnel, self.funnel.version, *label)
                self.count_stays(tally, head)
                if self.status == "open" and self.stops:
                    currency, amount = self.worth
                    key = (*head, currency, self.stops[-1][2])
                    tally.add("PipelineKey", key, open=1, amount_minor=amount)
        self.count_opened_and_ended(tally)
        if self.booking:
            self.count_won(tally)

    def count_steps(self, tally: Any) -> None:
        steps = [step for step in self.funnel.steps if step.entity == "deal"]
        own = [self.own_entry(step) for step in steps]
        entries = reach(own)
        ended_at = self.closing.at if self.status in {"lost", "cancelled"} else None
        version = (self.funnel.funnel, self.funnel.version)
        product = ("product", text_of(self.label.product_id))
        for label in [*self.labels(), product]:
            count_entries(
                tally, (*version, *label), entries, steps, self.worth, ended_at, self.oracle
            )
        if not entries:
            return
        before = self.origin.steps if self.origin else {}
        began = min(before.values(), default=entries[0][1])
        lead_steps = [step for step in self.funnel.steps if step.entity == "lead"]
        for label in [*self.journey_labels(), product]:
            head = (*version, *label)
            count_reach(tally, head, entries, steps, self.worth, self.oracle, began)
            if lead_steps and lead_steps[-1].key in before:
                left_at, last = before[lead_steps[-1].key], lead_steps[-1]
                tally.add(
                    "FunnelKey",
                    (*head, "", self.oracle.day(left_at), last.key),
                    converted=entries[0][1] - left_at <= timedelta(days=last.window_days),
                    converted_ever=1,
                )

    def own_entry(self, step: Any) -> datetime | None:
        if step.entry == "deal.won":
            return self.closing.at if self.status == "won" else None
        return min((at for at, _seq, key in self.dated() if key == step.key), default=None)

    def count_stays(self, tally: Any, head: Any) -> None:
        """A stay begins at a move, or at a reopening while none is under way; it ends at the next
        move or closing. Of several versions of one booking only the newest closed anything."""
        acts = [(at, seq, "move", step) for at, seq, step in self.stops]
        for fact in self.facts:
            kind = {
                deal.DealLost: "close",
                deal.DealCancelled: "close",
                deal.DealReopened: "reopen",
            }
            if type(fact.event) in kind:
                acts.append((fact.event.at, fact.sequence, kind[type(fact.event)], ""))
        acts += [(f.event.at, f.sequence, "close", "") for f in self.closing_bookings()]
        acts.sort()
        step, since = None, None
        for at, _seq, what, to in acts:
            unknown = at.year == 1
            if what == "reopen":
                if since is None and step is not None:
                    since = at
                continue
            if since is not None and at > since:
                days = (self.oracle.day(at) - self.oracle.day(since)).days
                tally.add("DurationKey", (*head, step, self.oracle.day(at), days), visits=1)
            step, since = (to, None if unknown else at) if what == "move" else (step, None)

    def closing_bookings(self) -> list[Any]:
        booked = sorted(
            (f for f in self.facts if isinstance(f.event, deal.DealWon)),
            key=lambda f: (f.event.version, f.sequence),
        )
        kept = []
        for place, fact in enumerate(booked):
            following = booked[place + 1] if place + 1 < len(booked) else None
            reopened = [f.sequence for f in self.facts if isinstance(f.event, deal.DealReopened)]
            if following is None or any(
                fact.sequence < seq < following.sequence for seq in reopened
            ):
                kept.append(fact)
        return kept

    def count_opened_and_ended(self, tally: Any) -> None:
        currency, amount = self.worth
        for label in self.all_labels():
            if self.created.created_at:
                key = (*label, currency, self.oracle.day(self.created.created_at))
                tally.add("SalesKey", key, created=1, created_minor=amount)
            if self.status == "lost":
                name = {"status_quo": "no_decision", "ghosted": "no_decision"}
                field = name.get(self.closing.outcome, "lost")
                field = "disqualified" if self.closing.outcome == "disqualified" else field
                key = (*label, currency, self.oracle.day(self.closing.at))
                tally.add("SalesKey", key, **{field: 1, f"{field}_minor": amount})

    def cycle(self) -> int | None:
        if not self.created.created_at:
            return None
        booked_on = self.oracle.day(self.booking.at)
        days = (booked_on - self.oracle.day(self.created.created_at)).days
        return days if days >= 0 else None

    def count_won(self, tally: Any) -> None:
        booking, booked_on, cycle = self.booking, self.oracle.day(self.booking.at), self.cycle()
        products = {text_of(line.product_id or self.label.product_id) for line in booking.lines}
        products = products or {text_of(self.label.product_id)}
        labels = [label for label in self.all_labels() if label[0] != "product"]
        for label in [*labels, *(("product", product) for product in products)]:
            lines = [
                line
                for line in booking.lines
                if label[0] != "product"
                or text_of(line.product_id or self.label.product_id) == label[1]
            ]
            key = (*label, booking.currency, booked_on)
            cycles = {"cycles": 1, "cycle_days": cycle} if cycle is not None else {}
            tally.add("SalesKey", key, won=1, **self.sums(lines), **cycles)
            if self.funnel and cycle is not None:
                head = (self.funnel.funnel, self.funnel.version, *label)
                tally.add("DurationKey", (*head, "cycle", booked_on, cycle), visits=1)

    def sums(self, lines: list[Any]) -> dict[str, int]:
        back = refunded(self.facts)
        costed = [line for line in lines if line.cost_minor is not None]
        listed = [line for line in lines if line.list_minor is not None]
        assumed = [line for line in costed if line.cost_assumed]
        return {
            "revenue_minor": sum(line.revenue_minor for line in lines),
            "refunded_minor": sum(
                line.revenue_minor - half_away(line.revenue_minor * (1 - back)) for line in lines
            ),
            "list_minor": sum(line.list_minor for line in listed),
            "listed_revenue_minor": sum(line.revenue_minor for line in listed),
            "cost_minor": sum(line.cost_minor for line in costed),
            "costed_revenue_minor": sum(line.revenue_minor for line in costed),
            "uncosted_lines": len(lines) - len(costed),
            "assumed_lines": len(assumed),
            "assumed_cost_minor": sum(line.cost_minor for line in assumed),
        }
