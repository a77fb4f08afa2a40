"""A company's stream of events, the same for every figure: what happens to leads and deals, in order of time.

Per 100 leads about 1,300 events: scores, touches, ratings, hand-overs, 20 deals with activities,
stages, wins and losses under one plan with two components, and 300 views of content.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from uuid import UUID

import orjson

from onefunnel.events import Event, content, deal, directory, lead, plans, scoring, spec_of
from onefunnel.events.topics import TOPICS
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Outgoing

TENANT = UUID(int=(7 << 76) + 1)
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365
PEOPLE, CAMPAIGNS, ASSETS, PRODUCTS = 60, 40, 50, 12
SOURCES = ("web", "fair", "referral", "partner", "outbound", "webinar")
SEGMENTS = ("smb", "mid", "enterprise")
STAGES = ("discovery", "evaluation", "proposal", "negotiation")
STEPS = (
    ("lead", "marketing", "lead", "lead.captured", 90),
    ("mql", "marketing", "lead", "lead.qualified", 30),
    ("sal", "sales", "lead", "lead.accepted", 7),
    ("sql", "sales", "lead", "lead.converted", 30),
    *((stage, "sales", "deal", "deal.stage_changed", 60) for stage in STAGES),
    ("won", "sales", "deal", "deal.won", 3650),
)
COUNT = {topic.name: topic.partitions for topic in TOPICS}


def uid(kind: int, n: int, at: datetime = START) -> UUID:
    """Return a version 7 id as if minted at that time, as we mint them."""
    spread = Random(kind << 40 | n).getrandbits(62)
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | spread)


def people() -> list[UUID]:
    """Return the people of the company."""
    return [uid(1, n) for n in range(PEOPLE)]


def rules() -> Iterator[Event]:
    """Yield what is agreed before anything happens: calendar, funnel, plan, assignments, quotas."""
    yield directory.TenantChanged(tenant_id=TENANT, time_zone="Europe/Berlin", currency="EUR")
    steps = [
        directory.FunnelStep(key=k, owner=o, entity=e, entry=n, window_days=w)
        for k, o, e, n, w in STEPS
    ]
    yield directory.FunnelActivated(funnel_id=uid(2, 0), funnel="default", version=1, steps=steps)
    plan_id = uid(3, 0)
    components = [
        {"id": "revenue", "measure": "revenue", "rate": "0.03"},
        {"id": "margin", "measure": "margin", "rate": "0.05", "period": "quarter"},
    ]
    document = plans.PlanDocument(
        plan_id=plan_id, version=1, name="plan", currency="EUR", components=components
    )
    yield plans.PlanActivated(plan_id=plan_id, plan=document)
    for n, person in enumerate(people()):
        yield plans.PlanAssigned(
            assignment_id=uid(4, n), person_id=person, plan_id=plan_id, **{"from": date(2025, 1, 1)}
        )


class Story:
    """What happens to one lead, and to the deal it may become."""

    def __init__(self, n: int, day: float) -> None:
        self.r = Random(n)
        self.at = START + timedelta(days=day)
        self.lead_id, self.deal_id = uid(5, n, self.at), uid(6, n, self.at)
        self.owner = self.r.choice(people())
        self.labels = {
            "source": self.r.choice(SOURCES),
            "campaign_id": uid(7, self.r.randrange(CAMPAIGNS)),
            "segment": self.r.choice(SEGMENTS),
        }
        self.steps: dict[str, datetime] = {}
        self.told: list[tuple[datetime, Event]] = []

    def tell(self, event: Event, hours: float) -> None:
        """Let an event happen, and some time pass."""
        self.told.append((self.at, event))
        self.at += timedelta(hours=self.r.expovariate(1 / hours))

    def events(self) -> list[tuple[datetime, Event]]:
        """Return all that happens."""
        lead_id, r = self.lead_id, self.r
        self.steps["lead"] = self.at
        self.tell(lead.LeadCaptured(lead_id=lead_id, captured_at=self.at, **self.labels), 1)
        self._score(2)
        for _ in range(3):
            self._view()
        self._touch("marketing", human=False)
        if r.random() < 0.6:
            self._hand_over()
        return self.told

    def _score(self, times: int) -> None:
        for _ in range(times):
            self.tell(
                scoring.LeadScored(
                    lead_id=self.lead_id, definition_version=1, fit="40", engagement="25",
                    grade="B", scored_at=self.at,
                ),
                5,
            )  # fmt: skip

    def _view(self) -> None:
        self.tell(
            content.ContentViewed(
                viewer_id=self.lead_id, view_id=UUID(int=self.r.getrandbits(128), version=4),
                asset_id=uid(8, self.r.randrange(ASSETS)), version=1, lead_id=self.lead_id,
                viewed_at=self.at, pages=[{"page": 1, "duration_ms": 3000}],
            ),
            9,
        )  # fmt: skip

    def _touch(self, side: str, *, human: bool) -> None:
        self.tell(
            lead.TouchRecorded(
                lead_id=self.lead_id, touch_id=UUID(int=self.r.getrandbits(128), version=4),
                touched_at=self.at, side=side, channel="call", human=human, person_id=self.owner,
            ),
            20,
        )  # fmt: skip

    def _hand_over(self) -> None:
        lead_id, r = self.lead_id, self.r
        if r.random() < 0.8:
            self.steps["mql"] = self.at
            qualified = scoring.LeadQualified(
                lead_id=lead_id, definition_version=1, qualified_at=self.at
            )
            self.tell(qualified, 4)
        assigned = lead.LeadAssigned(lead_id=lead_id, owner_id=self.owner, assigned_at=self.at)
        self.tell(assigned, 12)
        if r.random() < 0.3:
            return
        self.steps["sal"] = self.at
        self.tell(
            lead.LeadAccepted(lead_id=lead_id, accepted_by=self.owner, accepted_at=self.at), 10
        )
        for _ in range(r.randrange(3)):
            self._touch("sales", human=True)
        self.tell(scoring.LeadRated(lead_id=lead_id, side="sales", score=3, rated_at=self.at), 30)
        if r.random() < 0.48:
            self.steps["sql"] = self.at
            converted = lead.LeadConverted(
                lead_id=lead_id, deal_id=self.deal_id, converted_at=self.at
            )
            self.tell(converted, 0.01)
            self._deal()

    def _deal(self) -> None:
        deal_id, r = self.deal_id, self.r
        amount = {"amount_minor": r.randrange(50_000, 5_000_000), "currency": "EUR"}
        labels = {
            "owner_id": self.owner, "amount": amount, "account_id": uid(9, r.randrange(500)),
            "product_id": uid(10, r.randrange(PRODUCTS)), **self.labels, "expected_close_on": None,
        }  # fmt: skip
        origin = deal.Origin(lead_id=self.lead_id, steps=self.steps, **self.labels)
        self.tell(
            deal.DealCreated(
                deal_id=deal_id, created_at=self.at, stage=STAGES[0], origin=origin, **labels
            ),
            30,
        )
        for before, after in itertools.pairwise(STAGES):
            self._activities(r.randrange(4))
            self.tell(
                deal.DealStageChanged(deal_id=deal_id, to=after, at=self.at, **{"from": before}),
                100,
            )
            if r.random() < 0.2:
                break
        self.tell(deal.DealUpdated(deal_id=deal_id, **labels), 50)
        self._end(amount["amount_minor"])

    def _activities(self, times: int) -> None:
        for _ in range(times):
            self.tell(
                deal.ActivityLogged(
                    deal_id=self.deal_id, activity_id=UUID(int=self.r.getrandbits(128), version=4),
                    at=self.at, kind="call", person_id=self.owner, two_way=True,
                ),
                40,
            )  # fmt: skip

    def _end(self, amount_minor: int) -> None:
        if self.r.random() < 0.4:
            line = deal.DealLine(
                line_id="1", product_id=uid(10, self.r.randrange(PRODUCTS)),
                list_minor=amount_minor * 11 // 10, revenue_minor=amount_minor,
                cost_minor=amount_minor * 6 // 10,
            )  # fmt: skip
            self.tell(
                deal.DealWon(
                    deal_id=self.deal_id, version=1, at=self.at, currency="EUR", lines=[line],
                    credits=[deal.Credit(person_id=self.owner)],
                ),
                1,
            )  # fmt: skip
        elif self.r.random() < 0.8:
            self.tell(
                deal.DealLost(
                    deal_id=self.deal_id, at=self.at, outcome="status_quo", reason="budget"
                ),
                1,
            )


def stream(leads: int) -> Iterator[Outgoing]:
    """Yield everything that happens to so many leads, as finished records in order of time.

    What is held is what has not happened yet to the leads that have begun, and each entity's count.
    """
    sequences: dict[tuple[str, UUID], int] = {}
    for n, (at, event) in enumerate(_in_order(leads)):
        yield _record(n, at, event, sequences)


def _in_order(leads: int) -> Iterator[tuple[datetime, Event]]:
    told = itertools.count()
    waiting = [(START, next(told), event) for event in rules()]
    for n in range(leads):
        story = Story(n, DAYS * n / leads)
        while waiting and waiting[0][0] < story.at:  # nobody begins before this one any more
            at, _, event = heappop(waiting)
            yield at, event
        for at, event in story.events():
            heappush(waiting, (at, next(told), event))
    while waiting:
        at, _, event = heappop(waiting)
        yield at, event


def _record(n: int, at: datetime, event: Event, sequences: dict[tuple[str, UUID], int]) -> Outgoing:
    spec = spec_of(event)
    key: UUID = getattr(event, spec.key)
    place = (spec.aggregate, key)
    sequences[place] = sequences.get(place, 0) + 1
    # Version 7 as if minted at that time: the journal's key is inserted in nearly ascending order.
    event_id = uid(0, n, at)
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/services/lead-service",
        "type": spec.type,
        "subject": str(key),
        "time": at,
        "recordedtime": at,
        "partitionkey": str(key),
        "aggregatetype": spec.aggregate,
        "tenantid": str(TENANT),
        "actorid": "principal:5c1f",
        "correlationid": str(event_id),
        "dataschema": f"/schemas/{spec.type}.json",
        "datacontenttype": "application/json",
        "data": event.model_dump(mode="json", by_alias=True),
    }
    if spec.ordered:
        envelope["sequence"] = str(sequences[place])
    partition = partition_of(key, COUNT[spec.topic])
    return Outgoing(spec.topic, partition, key, orjson.dumps(envelope, option=orjson.OPT_UTC_Z))
