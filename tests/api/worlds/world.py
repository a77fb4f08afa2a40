"""One random company in a tenant of its own: people who move, keys of many roles, things of everybody."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple

from gateway.main import create_tenant
from onefunnel.runtime import ServiceResponse
from onefunnel.testing.waiting import wait_until

from ..stage import CALENDAR, Stage
from .chart import Chart, Stay, days_of

ROLES: Final = (
    "rep", "marketer", "manager", "manager", "executive", "comp_admin", "auditor", "integration", "operator", "admin",
)  # fmt: skip
BEGINNING: Final = date(2020, 1, 1)
COMPONENT: Final = {"id": "c", "measure": "revenue", "rate": "0.1", "period": "month"}
FOLDED_S: Final = 60


class Who(NamedTuple):
    """A caller: a role, perhaps a person, and the key of both."""

    role: str
    person: str | None
    key: str


class Assigned(NamedTuple):
    """Who is paid by which plan between two days, both inclusive."""

    person: str
    plan: str
    first: date
    last: date | None


@dataclass
class Adjusted:
    """An amount by hand for somebody on a day, and how far it is."""

    person: str
    day: date
    proposer: str
    status: str = "proposed"


@dataclass
class World:
    """Everything that the test knows about one tenant because it made it."""

    stage: Stage
    random: Random
    owner: str  # a key of the tenant's owner, of no person
    today: date
    chart: Chart
    months: tuple[str, str]
    people: list[str]
    callers: list[Who] = field(default_factory=list)
    leads: dict[str, str | None] = field(default_factory=dict)
    deals: dict[str, str | None] = field(default_factory=dict)
    created: dict[str, date] = field(default_factory=dict)  # when each deal was
    activities: dict[str, str] = field(default_factory=dict)  # the deal of each
    assignments: dict[str, Assigned] = field(default_factory=dict)
    quotas: dict[str, tuple[str, str]] = field(default_factory=dict)  # a person and a month
    adjustments: dict[str, Adjusted] = field(default_factory=dict)

    def ask(
        self, key: str, method: str, target: str, body: object = None, **headers: str
    ) -> ServiceResponse:
        """Ask the gateway with a key."""
        sent = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
        content = b"" if body is None else json.dumps(body).encode()
        return self.stage.ask(method, target, role=None, headers=sent, body=content)

    def made(self, target: str, body: object, key: str | None = None) -> Any:
        """Make something as the owner, or with another key."""
        answer = self.ask(key or self.owner, "POST", target, body)
        assert answer.status in {200, 201}, (target, answer.body)
        return json.loads(answer.body)

    def key_of(self, role: str, person: str | None) -> str:
        """Make a key."""
        body = {"role": role, "name": role, **({"person_id": person} if person else {})}
        return str(self.made("/v1/keys", body)["key"])


def made_world(stage: Stage, seed: int) -> World:
    """Make a company that follows from its seed; its numbers are to be folded yet."""
    _, key = stage.run(create_tenant(stage.runtime, f"world-{seed}", settings=CALENDAR))
    random, today = Random(seed), datetime.now(UTC).date()
    first = (today.replace(day=1) - timedelta(days=60)).replace(day=1)
    months = (first.isoformat()[:7], (first + timedelta(days=32)).isoformat()[:7])
    world = World(stage, random, key, today, Chart({}), months, [])
    _people(world)
    _callers(world)
    _work(world)
    _pay(world)
    return world


def fold(stage: Stage, worlds: list[World]) -> None:
    """Run relays, reactions and folds until everything that was made is in the numbers."""
    with stage.working():
        settled(stage, [world.owner for world in worlds])


def settled(stage: Stage, keys: list[str]) -> None:
    """Return when everything that was written before is in the numbers of those whose keys these are."""
    since = datetime.now(UTC)
    for key in keys:
        wait_until(partial(_folded, stage, key, since), limit_s=FOLDED_S)


def _folded(stage: Stage, key: str, since: datetime) -> bool:
    told = [
        json.loads(
            stage.ask("GET", path, role=None, headers={"authorization": f"Bearer {key}"}).body
        )
        for path in ("/v1/status", "/v1/sales-performance")
    ]
    details = [s["detail"] or {} for s in told[0]["services"].values()]
    depths = [d.get(name, {}).get("depth", 0) for d in details for name in ("unread", "outbox")]
    fresh = datetime.fromisoformat(told[1]["as_of"]) > since and not told[1]["stale"]
    return fresh and not any(depths)


def _people(world: World) -> None:
    stays: dict[str, list[Stay]] = {}
    for number in range(world.random.randint(6, 9)):
        mine = _stays(world)
        memberships = [
            {
                "from": stay.first.isoformat(),
                **({"to": stay.last.isoformat()} if stay.last else {}),
                **({"manager": stay.manager} if stay.manager else {}),
                **({"team": stay.team} if stay.team else {}),
            }
            for stay in mine
        ]
        body = {"name": f"Person {number}", "kind": "rep", "memberships": memberships}
        person = world.made("/v1/people", body)["id"]
        world.people.append(person)
        stays[person] = mine
    world.chart = Chart(stays)


def _stays(world: World) -> list[Stay]:
    """Return where somebody stands: they move at the turn of months, within one, lately and soon."""
    random, today = world.random, world.today
    first, second = (days_of(month)[0] for month in world.months)
    turns = [first, first + timedelta(days=14), second, second + timedelta(days=9)]
    turns += [today - timedelta(days=2), today + timedelta(days=2)]
    begins = [BEGINNING, *sorted(random.sample(turns, random.randint(0, 3)))]
    ends = [day - timedelta(days=1) for day in begins[1:]]
    managers = [None, *world.people, *world.people]
    return [
        Stay(begin, end, random.choice(managers), random.choice(["north", "south", None]))
        for begin, end in zip(begins, [*ends, None], strict=True)
        if random.random() < 0.85
    ]


def _callers(world: World) -> None:
    random = world.random
    for person in world.people:  # some have two roles, which makes nobody two people
        for role in random.sample(ROLES, random.choice([1, 1, 2])):
            world.callers.append(Who(role, person, world.key_of(role, person)))
    for role in ("rep", "manager", random.choice(ROLES)):
        world.callers.append(Who(role, None, world.key_of(role, None)))


def _work(world: World) -> None:
    random, owners = world.random, [*world.people, None]
    for number in range(8):
        owner = random.choice(owners)
        given = {"owner": owner} if owner else {}
        lead = {"source": "web", "name": f"Lead {number}", "email": f"l{number}@example.com"}
        world.leads[world.made("/v1/leads", {**lead, **given})["id"]] = owner
        owner = random.choice(owners)
        given = {"owner": owner} if owner else {}
        day = random.choice([days_of(world.months[0])[0] + timedelta(days=n) for n in range(75)])
        begun = {"name": f"Deal {number}", "currency": "EUR", "created_at": day.isoformat()}
        deal = world.made("/v1/deals", {**begun, **given})["id"]
        world.created[deal] = day
        world.deals[deal] = owner
        activity = world.made("/v1/activities", {"deal": deal, "kind": "call"})
        world.activities[activity["id"]] = deal


def _pay(world: World) -> None:
    random = world.random
    plan = {"name": "p", "currency": "EUR", "components": [COMPONENT]}
    plans = [world.made("/v1/compensation/plans", plan)["plan_id"] for _ in range(2)]
    clerks = [(p, world.key_of("comp_admin", p)) for p in random.sample(world.people, 3)]
    for person in world.people:
        _assigned(world, person, random.choice(plans))
        for month in random.sample(world.months, random.randint(0, 2)):
            quota = {"person": person, "period": month, "measure": "count", "count": 3}
            world.quotas[world.made("/v1/compensation/quotas", quota)["id"]] = person, month
        for _ in range(random.randint(0, 3)):
            _adjusted(world, person, clerks)


def _assigned(world: World, person: str, plan: str) -> None:
    first = days_of(world.months[0])[0] + timedelta(days=world.random.randint(0, 40))
    last = (
        first + timedelta(days=world.random.randint(0, 30)) if world.random.random() < 0.5 else None
    )
    body = {"person": person, "plan": plan, "from": first.isoformat()}
    body |= {"to": last.isoformat()} if last else {}
    id_ = world.made("/v1/compensation/assignments", body)["id"]
    world.assignments[id_] = Assigned(person, plan, first, last)


def _adjusted(world: World, person: str, clerks: list[tuple[str, str]]) -> None:
    random, path = world.random, "/v1/compensation/adjustments"
    (one, key), (_, second), *_ = random.sample([c for c in clerks if c[0] != person], 2)
    day = days_of(world.months[0])[0] + timedelta(days=random.randint(0, 58))
    amount = {"amount_minor": random.choice([-700, 500, 1200]), "currency": "EUR"}
    body = {"person": person, "at": f"{day}T12:00:00Z", "amount": amount, "reason": "agreed"}
    id_ = world.made(path, body, key)["id"]
    found = Adjusted(person, day, one)
    if random.random() < 0.6:
        found.status = world.made(f"{path}/{id_}/approve", {}, second)["status"]
    world.adjustments[id_] = found
