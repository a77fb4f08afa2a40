"""A year of a large company, written straight into a new generation of the projections.

Entities are made as facts, counted by the fold's own functions and copied as a rebuild copies them:
minutes where the same leads through log and fold would take an hour. What a statement reads besides,
the book and the journal of won deals, is written too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from random import Random
from typing import Any
from uuid import UUID

import orjson

from metrics_service.adapters.generations import PostgresGenerations
from metrics_service.adapters.ledger_rows import post
from metrics_service.application.fold_codes import AGGREGATE_CODE, TYPE_CODE
from metrics_service.application.fold_ledger import Entry
from metrics_service.application.fold_recount import Counted, rules_of
from metrics_service.application.fold_routes import Kind
from metrics_service.application.rebuild import compared
from metrics_service.projections.columns import deal_columns, deal_credits, journey_columns
from metrics_service.projections.contributions import deal_shape, journey_shape
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import DealFacts, JourneyFacts, dump
from metrics_service.projections.facts_deal import (
    LOST,
    Booking,
    CreditShare,
    Line,
    Move,
    Origin,
    Turn,
)
from metrics_service.projections.facts_journey import (
    ACCEPTED,
    ASSIGNED,
    CONVERTED,
    QUALIFIED,
    Act,
)
from metrics_service.projections.keys import Key, Vector
from metrics_service.projections.shape import Shape, add_difference
from onefunnel.persistence.database import Database
from tests.bench.workload import SEGMENTS, SOURCES, STAGES, uid

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
YEAR = 365 * DAY
DEAL_OF = 10  # every tenth lead becomes a deal
CHUNK = 20_000
POSTINGS = 25  # entries of the book for one payee, component and month
_MICROS = int(START.timestamp()) * 1_000_000
_WON = TYPE_CODE["onefunnel.deal.won.v1"]
_RECORD = bytes(orjson.dumps({"filled": "x" * 600}))


@dataclass
class Company:
    """Counts the entities of one tenant and remembers what was won."""

    tenant_id: UUID
    people: list[UUID]
    rules: Definitions
    leads: int
    totals: dict[Key, Vector] = field(default_factory=dict)
    won: list[tuple[UUID, UUID, int]] = field(default_factory=list)  # event, deal, micros
    deals: int = 0

    def entities(self) -> Iterator[Counted]:
        """Yield every lead and deal of the year, in the order of time."""
        random = Random(7)
        for n in range(self.leads):
            at = _MICROS + n * YEAR // self.leads
            lead_id = uid(5, n, _time(at))
            journey = self._journey(random, at, converts=n % DEAL_OF == 0)
            if n % DEAL_OF == 0:
                deal_id = journey.deal_id = uid(6, n, _time(at))
                yield self._opportunity(deal_id, self._deal(random, deal_id, lead_id, journey))
                self.deals += 1
            yield self._lead(lead_id, journey)

    def _lead(self, id_: UUID, facts: JourneyFacts) -> Counted:
        add_difference(self.totals, Shape(), journey_shape(id_, facts, self.rules))
        columns = journey_columns(facts, self.rules)
        return Counted(Kind.JOURNEY, id_, self.tenant_id, (9, 0, 0), columns, dump(facts), ())

    def _opportunity(self, id_: UUID, facts: DealFacts) -> Counted:
        add_difference(self.totals, Shape(), deal_shape(id_, facts, self.rules))
        columns, credits_ = deal_columns(facts, self.rules), deal_credits(facts, self.rules)
        return Counted(Kind.DEAL, id_, self.tenant_id, (9,), columns, dump(facts), credits_)

    def _journey(self, random: Random, at: int, *, converts: bool) -> JourneyFacts:
        kinds: list[str] = []
        if converts:
            kinds = [QUALIFIED, ASSIGNED, ACCEPTED, CONVERTED]
        elif random.random() < 0.6:
            kinds = [QUALIFIED, ASSIGNED, ACCEPTED][: random.randrange(1, 4)]
        times = accumulate((_wait(random, 4) for _ in kinds), initial=at)
        acts = [
            Act(when, 1, n, kind)
            for n, (when, kind) in enumerate(zip(islice(times, 1, None), kinds, strict=True), 2)
        ]
        return JourneyFacts(
            captured_sequence=1,
            captured_at=at,
            labels_sequence=1,
            source=random.choice(SOURCES),
            campaign=str(UUID(int=random.randrange(40))),
            segment=random.choice(SEGMENTS),
            owner_sequence=1,
            owner=str(random.choice(self.people)),
            acts=acts,
            touches=[at + 4 * DAY] if len(kinds) > 2 else [],
        )

    def _deal(self, random: Random, id_: UUID, lead_id: UUID, lead: JourneyFacts) -> DealFacts:
        at = lead.acts[-1].at
        steps = zip(("mql", "sal", "sql"), (lead.acts[0].at, lead.acts[2].at, at), strict=True)
        origin = Origin(
            lead_id, lead.owner, lead.source, lead.campaign, lead.segment,
            (("lead", lead.captured_at or 0), *steps),
        )  # fmt: skip
        amount = random.randrange(50_000, 5_000_000)
        facts = DealFacts(
            created_sequence=1, created_at=at, origin=origin, labels_sequence=1, owner=lead.owner,
            amount_minor=amount, currency="USD", account=str(UUID(int=random.randrange(500))),
            product=str(UUID(int=random.randrange(12))), source=lead.source,
            campaign=lead.campaign, segment=lead.segment,
        )  # fmt: skip
        for n, stage in enumerate(STAGES[: random.randrange(1, 5)]):
            facts.moves.append(Move(at, n + 1, stage, UUID(int=n)))
            at += _wait(random, 10)
        self._end(random, id_, facts, at)
        return facts

    def _end(self, random: Random, id_: UUID, facts: DealFacts, at: int) -> None:
        chance, amount = random.random(), facts.amount_minor or 0
        if chance < 0.4:
            event_id = uid(9, len(self.won), _time(at))
            line = Line("1", facts.product, amount * 11 // 10, amount, amount * 6 // 10, False)
            credit = CreditShare(UUID(facts.owner), "owner", None)
            facts.bookings.append((9, 1, at))
            facts.booking = Booking(1, event_id, 9, at, "USD", (line,), (credit,))
            self.won.append((event_id, id_, at))
        elif chance < 0.7:
            facts.turns.append(Turn(at, 9, LOST, "status_quo"))


async def fill(
    database: Database, owner: Any, tenant_id: UUID, people: list[UUID], leads: int
) -> Company:
    """Fill a running stack, whose rules are folded, with so many leads and a tenth of it deals."""
    async with PostgresGenerations(database).building() as building:
        rules: Mapping[UUID, Definitions] = await rules_of(building.journal)
        company = Company(tenant_id, people, rules[tenant_id], leads)
        entities = company.entities()
        while chunk := list(islice(entities, CHUNK)):
            await building.write(chunk)
        await building.finish(rules, {tenant_id: company.totals}, {})
        await building.switch()
    await _write_journal(owner, company)
    await _write_book(owner, company)
    await owner.execute("ANALYZE journal; ANALYZE ledger_entry")
    return company


async def _write_journal(owner: Any, company: Company) -> None:
    """Journal the bookings, which statements name by their events."""
    columns = [
        "position", "occurred_at", "recorded_at", "aggregate_seq", "topic_code", "partition",
        "aggregate_code", "type_code", "event_id", "tenant_id", "aggregate_id", "record",
    ]  # fmt: skip
    rows = (
        (n, _time(at), _time(at), 9, 1, 0, AGGREGATE_CODE["deal"], _WON, event_id,
         company.tenant_id, deal_id, _RECORD)
        for n, (event_id, deal_id, at) in enumerate(company.won)
    )  # fmt: skip
    await owner.copy_records_to_table("journal", records=rows, columns=columns, timeout=None)


async def _write_book(owner: Any, company: Company) -> None:
    """Post what is owed, each key in as many entries as a year of turns would have left."""
    entries: list[Entry] = []
    causes = [event_id for event_id, _, _ in company.won]
    for key, owed, _ in compared(company.rules, company.totals, {}):
        share, rest = divmod(owed, POSTINGS)
        for n in range(POSTINGS):
            amount = share + (rest if n == 0 else 0)
            entry = Entry(
                tenant_id=company.tenant_id, payee_id=key.payee_id, component=key.component,
                earned_period=key.earned_period, posted_period=key.earned_period,
                currency=key.currency, account="earned", kind="earn", amount_minor=amount,
                plan_id=None, plan_version=1, cause_event_id=causes[len(entries) % len(causes)],
                inputs={"owed_minor": owed, "posted_minor": 0},
            )  # fmt: skip
            entries.append(entry)
    await post(owner, [entry for entry in entries if entry.amount_minor])


def _wait(random: Random, days: float) -> int:
    """Return how long a step takes: about so many days, sometimes much longer."""
    return int(random.expovariate(1 / days) * DAY) + 1


def _time(micros: int) -> datetime:
    return START + timedelta(microseconds=micros - _MICROS)
