"""A company of two tenants behind the public gateway, with somebody in every relation to one person."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import Any, Final

import httpx
import orjson
from starlette.types import ASGIApp

from gateway.main import build as build_gateway
from gateway.main import create_tenant, provision_tenant
from onefunnel.clock import SystemClock
from onefunnel.runtime import Runtime
from onefunnel.testing.waiting import until

PACKAGES: Final = ("lead_service", "scoring_service", "content_service", "metrics_service")
SETTINGS: Final = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}
ROLES: Final = (
    "rep", "marketer", "manager", "executive", "comp_admin", "auditor", "integration", "operator", "admin",
)  # fmt: skip
PERIOD: Final = "2026-01"
AT: Final = "2026-01-15T09:00:00Z"  # inside of it
EURO: Final = {"amount_minor": 1_000, "currency": "EUR"}
COMPONENT: Final = {"id": "base", "kind": "rate", "measure": "revenue", "rate": "0.1", "period": "month"}  # fmt: skip


@dataclass
class Company:
    """The gateway, the services behind it, and the means to make people and things."""

    app: ASGIApp
    runtime: Runtime
    owner: str  # a key of the tenant's owner
    stranger: str  # one of the other tenant's
    backgrounds: list[Any] = field(default_factory=list)

    async def call(
        self, key: str | None, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        if method in {"POST", "PATCH"}:
            headers["Content-Type"] = "application/json"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
            content = orjson.dumps({} if body is None else body) if method != "GET" else None
            return await client.request(method, path, content=content, headers={**sent, **headers})

    async def made(self, path: str, body: object, key: str | None = None) -> Any:
        answer = await self.call(key or self.owner, "POST", path, body)
        assert answer.status_code in {200, 201}, (path, answer.text)
        return answer.json()

    async def person(self, name: str, key: str | None = None, **place: str) -> str:
        memberships = [{"from": "2020-01-01", **place}] if place else []
        body = {"name": name, "kind": "rep", "memberships": memberships}
        return str((await self.made("/v1/people", body, key))["id"])

    async def key_of(self, role: str, person: str | None, key: str | None = None) -> str:
        body = {"role": role, "name": role, **({"person_id": person} if person else {})}
        return str((await self.made("/v1/keys", body, key))["key"])

    async def clerks(self, key: str) -> list[str]:
        """Return the keys of two people who have to do with pay, and with nobody."""
        people = [await self.person(name, key, team="pay") for name in ("Clerk", "Checker")]
        return [await self.key_of("comp_admin", person, key) for person in people]

    @asynccontextmanager
    async def folded(self) -> AsyncIterator[None]:
        """Run what listens to the log until everything written so far is folded."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(run(stop)) for run in self.backgrounds]
        try:
            yield
            await until(self._relayed, limit_s=60)
            since = SystemClock().now()
            await until(partial(self._folded, since), limit_s=60)
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def _relayed(self) -> bool:
        services = (await self.call(self.owner, "GET", "/v1/status")).json()["services"]
        details = [one["detail"] or {} for one in services.values()]
        queues = [detail.get(name, {}) for detail in details for name in ("unread", "outbox")]
        return not any(queue.get("depth", 0) for queue in queues)

    async def _folded(self, since: datetime) -> bool:
        answer = (await self.call(self.owner, "GET", "/v1/sales-performance")).json()
        return datetime.fromisoformat(answer["as_of"]) > since and not answer["stale"]


async def company(make_runtime: Callable[..., Runtime]) -> Company:
    """Return a company with two tenants and nobody in them."""
    apps: dict[str, ASGIApp] = {}
    runtime = make_runtime(*PACKAGES, "gateway", apps=apps)
    services = {
        p.removesuffix("_service"): import_module(f"{p}.main").build(runtime) for p in PACKAGES
    }
    apps.update({name: service.app for name, service in services.items()})
    main = await provision_tenant(runtime, "main", settings=SETTINGS)
    _, stranger = await create_tenant(runtime, "other", settings=SETTINGS)
    backgrounds = [b for service in services.values() for b in service.background]
    app = build_gateway(runtime).app
    return Company(app, runtime, main.keys["admin"], stranger, backgrounds)


@dataclass
class Things:
    """What stands in one relation: a person (perhaps nobody) and what is theirs."""

    person: str | None
    lead: str
    deal: str
    assignment: str = ""
    adjustment: str = ""


@dataclass
class World:
    """One person with a key for every role, and things in every relation to them."""

    company: Company
    keys: dict[str, str | None]
    things: dict[str, Things]
    asked: dict[Any, httpx.Response] = field(default_factory=dict)

    async def ask(
        self, who: str, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        """Ask as somebody; the same question is asked once."""
        question = who, method, path, orjson.dumps(body), *headers.items()
        if question not in self.asked:
            answer = await self.company.call(self.keys[who], method, path, body, **headers)
            self.asked[question] = answer
        return self.asked[question]

    @property
    def owners(self) -> dict[str, str]:
        return {t.person: r for r, t in self.things.items() if t.person and r != "foreign"}


async def world(company_: Company) -> World:
    """Make everything that the matrix can tell apart."""
    chief, far_chief = await company_.person("Chief"), await company_.person("Another")
    me = await company_.person("Me", manager=chief, team="north")
    between = await company_.person("Between", manager=me, team="north-1")
    people = {
        "self": me,
        "subtree": await company_.person("Below", manager=between, team="north-2"),
        "team": await company_.person("Beside", manager=chief, team="south"),
        "other": await company_.person("Far", manager=far_chief, team="far"),
        "unowned": None,
        "foreign": await company_.person("Foreign", company_.stranger, team="north"),
    }
    clerks = await company_.clerks(company_.owner)
    foreign_clerks = await company_.clerks(company_.stranger)
    async with company_.folded():
        things = {
            relation: await _things(
                company_, relation, person, foreign_clerks if relation == "foreign" else clerks
            )
            for relation, person in people.items()
        }
    keys: dict[str, str | None] = {role: await company_.key_of(role, me) for role in ROLES}
    abroad = await company_.person("Owner", company_.stranger, team="top")
    stranger = await company_.key_of("admin", abroad, company_.stranger)
    keys |= {"anonymous": None, "stranger": stranger}
    return World(company_, keys, things)


async def _things(
    company_: Company, relation: str, person: str | None, clerks: list[str]
) -> Things:
    key = company_.stranger if relation == "foreign" else company_.owner
    owner = {"owner": person} if person else {}
    lead = await company_.made("/v1/leads", {"source": "web", "name": relation, **owner}, key)
    deal = await company_.made("/v1/deals", {"name": relation, "amount": EURO, **owner}, key)
    await company_.made("/v1/activities", {"deal": deal["id"], "kind": "call"}, key)
    found = Things(person, lead["id"], deal["id"])
    if person:
        plan = {"name": "p", "currency": "EUR", "components": [COMPONENT]}
        plan_id = (await company_.made("/v1/compensation/plans", plan, key))["plan_id"]
        pay = {"person": person, "plan": plan_id, "from": "2026-01-01"}
        found.assignment = (await company_.made("/v1/compensation/assignments", pay, key))["id"]
        quota = {"person": person, "measure": "revenue", "period": PERIOD, **EURO}
        await company_.made("/v1/compensation/quotas", quota, key)
        paid = {"person": person, "at": AT, "amount": EURO, "reason": "x"}
        adjustments, (clerk, checker) = "/v1/compensation/adjustments", clerks
        posted = await company_.made(adjustments, paid, clerk)
        await company_.made(f"{adjustments}/{posted['id']}/approve", {}, checker)
        found.adjustment = (await company_.made(adjustments, paid, clerk))["id"]
    return found
