"""Random histories: scripts of small numbers, told as events that keep each aggregate's sequence."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import strategies as st

from onefunnel.events import Event, content, deal, directory, lead, plans, scoring, spec_of

from .oracle_parts import Fact

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kolkata"]
START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = [
    ("lead", "marketing", "lead", "lead.captured", 90),
    ("mql", "marketing", "lead", "lead.qualified", 30),
    ("sal", "sales", "lead", "lead.accepted", 7),
    ("sql", "sales", "lead", "lead.converted", 30),
    ("discovery", "sales", "deal", "deal.stage_changed", 60),
    ("evaluation", "sales", "deal", "deal.stage_changed", 10),
    ("proposal", "sales", "deal", "deal.stage_changed", 60),
    ("won", "sales", "deal", "deal.won", 3650),
]
OTHER_STEPS = [
    ("lead", "marketing", "lead", "lead.captured", 5),
    ("handed", "marketing", "lead", "lead.assigned", 9),
    ("sql", "sales", "lead", "lead.converted", 2),
    ("evaluation", "sales", "deal", "deal.stage_changed", 3),
    ("discovery", "sales", "deal", "deal.stage_changed", 60),
    ("won", "sales", "deal", "deal.won", 3650),
]


def uid(kind: str, n: int) -> UUID:
    return UUID(int=(int.from_bytes(kind[-7:].encode()) << 64) + n)


PEOPLE = [uid("person", n) for n in range(3)]
PRODUCTS = [uid("product", n) for n in range(2)]
COMPONENTS = [
    {"measure": "revenue", "rate": "0.08"},
    {"measure": "margin", "rate": "0.125", "negative_margin": "carry", "roles": ["owner", "overlay"]},
    {"measure": "margin", "rate": "0.125", "period": "quarter", "roles": ["overlay", "marketer"]},
    {"measure": "revenue", "rate": "0.033", "products": [str(PRODUCTS[0])]},
    {"measure": "revenue", "rate": "0.5", "source": "web", "period": "year"},
    {"measure": "revenue", "rate": "0.05", "tiers": {"basis": "attainment", "mode": "marginal", "table": [
        {"from": "0", "x": "1"}, {"from": "1", "x": "1.5"}, {"from": "1.5", "x": "2"}]}},
    {"measure": "revenue", "tiers": {"basis": "attainment", "mode": "retroactive", "table": [
        {"from": "0", "rate": "0.05"}, {"from": "1", "rate": "0.075"}]}},
    {"measure": "revenue", "tiers": {"basis": "avg_margin_pct", "mode": "retroactive", "table": [
        {"from": "-9", "rate": "0.03"}, {"from": "0.25", "rate": "0.06"}, {"from": "0.35", "rate": "0.09"}]}},
    {"measure": "margin", "negative_margin": "carry", "tiers": {"basis": "amount", "mode": "marginal",
        "table": [{"from": "-5", "rate": "0.01"}, {"from": "100", "rate": "0.033"}, {"from": "9000", "rate": "0.07"}]}},
    {"measure": "margin", "tiers": {"basis": "count", "mode": "retroactive", "table": [
        {"from": "0", "rate": "0.01"}, {"from": "2", "rate": "0.1"}]}},
]  # fmt: skip


def instant(r: Random) -> datetime:
    minutes = r.choice([0, 0, 1, 29, 59, 22 * 60, 23 * 60 + 59, 2 * 60 + 31])
    return START + timedelta(days=r.randrange(130), minutes=minutes, hours=r.choice([0, 0, 12]))


def maybe(r: Random, value: object) -> object:
    return value if r.random() < 0.7 else None


class Teller:
    """Tells a script: every command becomes one event, numbered within its aggregate."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.sequences: dict[tuple[str, UUID], int] = defaultdict(int)
        self.created: set[UUID] = set()
        self.moves: dict[UUID, list[UUID]] = defaultdict(list)

    def tell(self, event: Event) -> UUID:
        spec = spec_of(event)
        place = (spec.aggregate, getattr(event, spec.key))
        self.sequences[place] += 1
        event_id = UUID(int=(7 << 76) + len(self.facts))
        self.facts.append(Fact(event_id, self.sequences[place], event))
        return event_id

    # Reference data.

    def tenant(self, r: Random) -> None:
        self.tell(
            directory.TenantChanged(
                tenant_id=uid("tenant", 0),
                time_zone=r.choice(ZONES),
                currency="EUR",
                fiscal_year_start=r.choice([1, 1, 4]),
            )
        )

    def funnel(self, r: Random) -> None:
        steps = r.choice([STEPS, STEPS, OTHER_STEPS])
        told = sum(isinstance(fact.event, directory.FunnelActivated) for fact in self.facts)
        self.tell(
            directory.FunnelActivated(
                funnel_id=uid("funnel", 0),
                funnel="default",
                version=told + 1,
                steps=[
                    directory.FunnelStep(key=k, owner=o, entity=e, entry=n, window_days=w)
                    for k, o, e, n, w in steps
                ],
            )
        )

    def first_plans(self, r: Random) -> None:
        self._plan(0, r)
        self._plan(1, r)

    def plan(self, r: Random) -> None:
        self._plan(r.randrange(2), r)

    def _plan(self, n: int, r: Random) -> None:
        plan_id = uid("plan", n)
        version = self.sequences["plan", plan_id] + 1
        components = [{"id": f"c{n}", **r.choice(COMPONENTS)} for n in range(r.randrange(1, 4))]
        self.tell(
            plans.PlanActivated(
                plan_id=plan_id,
                plan=plans.PlanDocument(
                    plan_id=plan_id,
                    version=version,
                    name="plan",
                    currency="EUR",
                    rounding=r.choice(["half_up", "half_even"]),
                    components=components,
                ),
            )
        )

    def first_assignments(self, r: Random) -> None:
        for n, person in enumerate(PEOPLE):
            self._assign(n, person, r.choice([date(2025, 12, 1), date(2026, 1, 16)]), r)

    def assignment(self, r: Random) -> None:
        start = date(2026, 1, 1) + timedelta(days=r.randrange(-30, 90))
        self._assign(r.randrange(4), r.choice(PEOPLE), start, r)

    def _assign(self, n: int, person: UUID, start: date, r: Random) -> None:
        to = r.choice([None, None, start + timedelta(days=r.randrange(90))])
        self.tell(
            plans.PlanAssigned(
                assignment_id=uid("assignment", n),
                person_id=person,
                plan_id=uid("plan", r.randrange(2)),
                **{"from": start, "to": to},
            )
        )

    def quota(self, r: Random) -> None:
        counts = r.random() < 0.15
        self.tell(
            plans.QuotaSet(
                quota_id=uid("quota", r.randrange(5)),
                person_id=r.choice(PEOPLE),
                measure=r.choice(["revenue", "margin"]),
                component=r.choice([None, "c0", "c1"]),
                period=r.choice(["2026-01", "2026-02", "2026-03", "2026-Q1", "2026"]),
                amount_minor=None if counts else r.choice([1000, 10_000, 33_333]),
                count=r.choice([1, 2, 3]) if counts else None,
            )
        )

    def close(self, r: Random) -> None:
        period = r.choice(["2026-01", "2026-02", "2026-Q1"])
        self.tell(
            plans.PeriodClosed(
                period_id=uid("period" + period, 0), period=period, closed_at=instant(r)
            )
        )

    def adjustment(self, r: Random) -> None:
        self.tell(
            plans.AdjustmentPosted(
                adjustment_id=uid("adjustment", len(self.facts)),
                person_id=r.choice(PEOPLE),
                at=instant(r),
                amount_minor=r.choice([-300, 15_000]),
                currency="EUR",
                reason="dispute",
            )
        )

    # Leads.

    def some_lead(self, r: Random) -> None:
        lead_id = uid("lead", r.randrange(2))
        if lead_id not in self.created:
            self.created.add(lead_id)
            self._capture(lead_id, r)
            return
        at, person = instant(r), r.choice(PEOPLE)
        tellings = [
            lambda: lead.LeadAssigned(lead_id=lead_id, owner_id=person, assigned_at=at),
            lambda: lead.LeadAccepted(lead_id=lead_id, accepted_by=person, accepted_at=at),
            lambda: lead.LeadRejected(
                lead_id=lead_id, rejected_by=person, rejected_at=at, reason_class="clerical"
            ),
            lambda: lead.LeadRecycled(lead_id=lead_id, recycled_at=at, until=None, reason="r"),
            lambda: lead.LeadDisqualified(lead_id=lead_id, disqualified_at=at, reason="r"),
            lambda: lead.LeadConverted(lead_id=lead_id, deal_id=uid("deal", 0), converted_at=at),
            lambda: lead.LeadUpdated(
                lead_id=lead_id, source=maybe(r, "fair"), campaign_id=None, segment=maybe(r, "smb")
            ),
            lambda: scoring.LeadQualified(lead_id=lead_id, definition_version=1, qualified_at=at),
            lambda: scoring.LeadRated(lead_id=lead_id, side="sales", score=3, rated_at=at),
        ]
        if r.random() < 0.02:
            into = lead.LeadMerged(lead_id=lead_id, into_lead_id=uid("lead", 9), merged_at=at)
            self.tell(into)
        else:
            self.tell(r.choice(tellings)())

    def _capture(self, lead_id: UUID, r: Random) -> None:
        self.tell(
            lead.LeadCaptured(
                lead_id=lead_id,
                captured_at=maybe(r, instant(r)),
                source=maybe(r, "web"),
                campaign_id=maybe(r, uid("campaign", r.randrange(2))),
                segment=maybe(r, "smb"),
                owner_id=maybe(r, r.choice(PEOPLE)),
                qualified_at=maybe(r, None if r.random() < 0.5 else instant(r)),
            )
        )

    def touch(self, r: Random) -> None:
        self.tell(
            lead.TouchRecorded(
                lead_id=uid("lead", r.randrange(2)),
                touch_id=uid("touch", len(self.facts)),
                touched_at=instant(r),
                side=r.choice(["sales", "sales", "marketing"]),
                channel="call",
                human=r.random() < 0.8,
            )
        )

    # Deals.

    def some_deal(self, r: Random) -> None:
        deal_id = uid("deal", r.randrange(3))
        if deal_id not in self.created:
            self.created.add(deal_id)
            self.moves[deal_id].append(self._create(deal_id, r))
            return
        tell = r.choice(
            [
                self._move,
                self._move,
                self._win,
                self._win,
                self._win,
                self._end,
                self._pay,
                self._pay,
            ]
        )
        tell(deal_id, r)

    def _create(self, deal_id: UUID, r: Random) -> UUID:
        origin = None
        if r.random() < 0.5:
            steps = {k: instant(r) for k in ["lead", "mql", "sal", "sql"] if r.random() < 0.7}
            origin = deal.Origin(
                lead_id=uid("lead", 0),
                source=maybe(r, "web"),
                segment=maybe(r, "smb"),
                steps=steps,
                owner_id=maybe(r, r.choice(PEOPLE)),
            )
        return self.tell(
            deal.DealCreated(
                deal_id=deal_id,
                created_at=maybe(r, instant(r)),
                stage=r.choice(["discovery", "evaluation", "proposal", "unknown"]),
                origin=origin,
                **self._labels(r),
            )
        )

    def _labels(self, r: Random) -> dict:
        amount = {"amount_minor": r.choice([1, 500, 70_000]), "currency": r.choice(["EUR", "USD"])}
        return {
            "owner_id": maybe(r, r.choice(PEOPLE)),
            "amount": maybe(r, amount),
            "account_id": maybe(r, uid("account", 0)),
            "product_id": maybe(r, r.choice(PRODUCTS)),
            "source": r.choice([None, "web", "fair"]),
            "campaign_id": None,
            "segment": r.choice([None, "smb"]),
            "expected_close_on": None,
        }

    def _move(self, deal_id: UUID, r: Random) -> None:
        if r.random() < 0.25:
            self.tell(deal.DealUpdated(deal_id=deal_id, **self._labels(r)))
            return
        corrects = r.choice(self.moves[deal_id]) if r.random() < 0.2 else None
        to = r.choice(["discovery", "evaluation", "proposal"])
        moved = deal.DealStageChanged(
            deal_id=deal_id, to=to, at=instant(r), corrects=corrects, **{"from": "discovery"}
        )
        self.moves[deal_id].append(self.tell(moved))

    def _win(self, deal_id: UUID, r: Random) -> None:
        told = [
            fact.event.version
            for fact in self.facts
            if isinstance(fact.event, deal.DealWon) and fact.event.deal_id == deal_id
        ]
        version = r.choice([max(told, default=0) + 1, r.randrange(1, 4)])
        self.tell(
            deal.DealWon(
                deal_id=deal_id,
                version=version,
                at=instant(r),
                currency=r.choice(["EUR", "EUR", "EUR", "USD"]),
                lines=[self._line(n, r) for n in range(r.randrange(4))],
                credits=self._credits(r),
            )
        )

    def _line(self, n: int, r: Random) -> deal.DealLine:
        revenue = r.choice([0, 1, 5, 999, 10_001, 12_345, -500])
        return deal.DealLine(
            line_id=str(n),
            product_id=maybe(r, r.choice(PRODUCTS)),
            revenue_minor=revenue,
            list_minor=maybe(r, revenue + 100),
            cost_minor=maybe(r, r.choice([0, 3, 700, 6_000, 20_000])),
            cost_assumed=r.random() < 0.3,
        )

    def _credits(self, r: Random) -> list[deal.Credit]:
        owners = r.sample(PEOPLE, r.randrange(4))
        splits = {1: ["1"], 2: ["0.7", "0.3"], 3: ["0.5", "0.333", "0.167"]}.get(len(owners), [])
        if r.random() < 0.3:
            splits = [None] * len(owners)
        credits_ = [
            deal.Credit(person_id=person, split=split)
            for person, split in zip(owners, splits, strict=True)
        ]
        for role in ("overlay", "marketer"):
            if r.random() < 0.3:
                split = r.choice([None, "0.2", "0.125", "1.5"])
                credits_.append(deal.Credit(person_id=r.choice(PEOPLE), role=role, split=split))
        r.shuffle(credits_)
        return credits_

    def _end(self, deal_id: UUID, r: Random) -> None:
        at = instant(r)
        outcome = r.choice(
            ["lost_to_competitor", "status_quo", "disqualified", "ghosted", "unspecified"]
        )
        tellings = [
            lambda: deal.DealLost(deal_id=deal_id, at=at, outcome=outcome, reason="price"),
            lambda: deal.DealReopened(deal_id=deal_id, at=at),
            lambda: deal.DealCancelled(deal_id=deal_id, at=at),
        ]
        self.tell(r.choice(tellings)())

    def _pay(self, deal_id: UUID, r: Random) -> None:
        if r.random() < 0.7:
            self.tell(
                deal.DealRefunded(
                    deal_id=deal_id,
                    refund_id=uid("refund", r.randrange(4)),
                    at=instant(r),
                    fraction=r.choice(["0.1", "0.25", "0.333333333333", "0.5", "1"]),
                )
            )
            return
        amount = {"amount_minor": 100, "currency": "EUR"}
        self.tell(
            deal.PaymentReceived(
                deal_id=deal_id, payment_id=uid("payment", 0), at=instant(r), amount=amount
            )
        )

    def asset(self, r: Random) -> None:
        self.tell(
            content.ContentShared(
                asset_id=uid("asset", 0),
                version=1,
                share_id=uid("share", len(self.facts)),
                shared_by=maybe(r, r.choice(PEOPLE)),
                shared_at=instant(r),
                deal_id=maybe(r, uid("deal", 0)),
            )
        )


OPENING = [
    *(Teller.tenant, Teller.funnel, Teller.first_plans, Teller.first_assignments),
    *(Teller.quota, Teller.quota, Teller.some_deal, Teller.some_deal),
]
VERBS = (
    [Teller.some_deal] * 12
    + [Teller.some_lead] * 8
    + [Teller.assignment] * 3
    + [Teller.plan, Teller.quota, Teller.quota, Teller.close, Teller.close]
    + [Teller.tenant, Teller.funnel, Teller.adjustment, Teller.touch, Teller.touch, Teller.asset]
)
MOVES = st.tuples(st.integers(0, len(VERBS) - 1), st.integers(0, 9_999))


@st.composite
def histories(draw, max_events: int = 40) -> list[Fact]:
    """A list of events: the rules first, as they would be told, then anything."""
    teller = Teller()
    opening = draw(st.integers(0, 9_999))
    for n, verb in enumerate(OPENING):
        verb(teller, Random(opening + n))
    room = max_events - len(teller.facts)
    at_least = draw(st.sampled_from([0, room // 3, room // 2]))  # lists are short unless told
    for verb, seed in draw(st.lists(MOVES, min_size=at_least, max_size=room)):
        VERBS[verb](teller, Random(seed))
    return teller.facts


def interleaved(facts: list[Fact], r: Random) -> list[Fact]:
    """The same events in another order that keeps each aggregate's sequence, some told twice."""
    streams: dict[tuple[str, UUID], list[Fact]] = defaultdict(list)
    for fact in facts:
        spec = spec_of(fact.event)
        streams[spec.aggregate, getattr(fact.event, spec.key)].append(fact)
    order = [key for key, stream in streams.items() for _fact in stream]
    r.shuffle(order)
    told: list[Fact] = []
    for key in order:
        told.append(streams[key].pop(0))
        if r.random() < 0.2:
            told.append(r.choice(told))
    return told
