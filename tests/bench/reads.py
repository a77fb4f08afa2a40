"""A funnel over 12 months and a statement through the gateway of a running stack.

The goal is stated for a million leads; filling so many takes longer than three minutes, so that
fewer are the default and `BENCH_LEADS=1000000` is the whole.
"""

import os
import time
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from metrics_service.application.fold_codes import AGGREGATE_CODE
from onefunnel.persistence.database import Database
from onefunnel.persistence.urls import WORKER_ROLE, url_of
from tests.bench.fill import Company, fill
from tests.bench.harness import load, percentiles, verdict
from tests.bench.running import Running, running

GOAL_LEADS = 1_000_000
LEADS = int(os.environ.get("BENCH_LEADS", "200000"))
REPS, CALLS, WARM_UP = 60, 400, 20
GOAL_MS = 30.0
YEAR = "from=2025-01-01&to=2026-01-01"
PLAN = {
    "currency": "USD",
    "components": [
        {"id": "revenue", "measure": "revenue", "rate": "0.03"},
        {"id": "margin", "measure": "margin", "rate": "0.05", "period": "quarter"},
    ],
}
_PEOPLE = "SELECT aggregate_id, tenant_id FROM journal WHERE aggregate_code = $1 ORDER BY 1"
_COUNT = """
    SELECT step, state, count(*) FROM g2.journey
    WHERE captured_on >= '2025-01-01' AND captured_on < '2026-01-01' GROUP BY 1, 2"""


async def run() -> str:
    """Return p50 and p99 of each read, beside the same count by plain SQL over the lead rows."""
    async with running() as stack, stack.session() as session:
        owner = await asyncpg.connect(url_of(stack.server.url(""), "metrics"))
        database = Database(
            url_of(stack.server.url(""), "metrics", role=WORKER_ROLE), pool_size=1, name="bench"
        )
        try:
            began = time.perf_counter()
            company = await _filled(stack, session, owner, database)
            took = time.perf_counter() - began
            lines = await _reads(session, company)
            bare = await _bare(owner)
        finally:
            await database.close()
            await owner.close()
    return (
        f"\nreads ({load()}), {company.leads:,} leads and {company.deals:,} deals,"
        f" filled in {took:.0f} s"
        + (f"; the goal is for {GOAL_LEADS:,}" if company.leads < GOAL_LEADS else "")
        + "\n  "
        + "\n  ".join(lines)
        + f"\n  {'the leads of the year counted by plain SQL':<46} p50 {bare:8.1f} ms"
    )


async def _filled(
    stack: Running, session: aiohttp.ClientSession, owner: asyncpg.Connection, database: Database
) -> Company:
    """Agree on people and their pay by the API, then write leads and deals beneath it."""
    people = [_person(n) for n in range(REPS)]
    await _sent(session, "/v1/batches", {"source": "bench", "items": people})
    await stack.folded()
    rows = await owner.fetch(_PEOPLE, AGGREGATE_CODE["person"])
    ids: list[UUID] = [UUID(str(row[0])) for row in rows]
    plan = await _sent(session, "/v1/compensation/plans", PLAN)
    for person in ids:
        assignment = {"person": str(person), "plan": plan["plan_id"], "from": "2025-01-01"}
        await _sent(session, "/v1/compensation/assignments", assignment)
    await stack.folded()
    return await fill(database, owner, UUID(str(rows[0][1])), ids, LEADS)


def _person(n: int) -> dict[str, object]:
    external = {"source": "bench", "id": f"rep-{n}"}
    put = {"do": "person.put", "external": external, "name": f"Ada Example {n}", "kind": "rep"}
    return {"key": str(n), "commands": [put]}


async def _sent(session: aiohttp.ClientSession, path: str, body: object) -> dict[str, str]:
    async with session.post(path, data=orjson.dumps(body)) as answer:
        content = await answer.read()
        assert answer.status < 300, content
        found: dict[str, str] = orjson.loads(content)
        return found


async def _reads(session: aiohttp.ClientSession, company: Company) -> list[str]:
    month = [f"2025-{n:02}" for n in range(2, 12)]
    statements = [
        f"/v1/compensation/statements?payee={person}&period={month[n % len(month)]}"
        for n, person in enumerate(company.people)
    ]
    return [
        await _timed(session, "GET /v1/funnel over 12 months", [f"/v1/funnel?{YEAR}"]),
        await _timed(session, "the same by source", [f"/v1/funnel?{YEAR}&group_by=source"]),
        await _timed(session, "GET of a person's statement of a month", statements),
    ]


async def _timed(session: aiohttp.ClientSession, name: str, paths: list[str]) -> str:
    took_ms = []
    for n in range(WARM_UP + CALLS):
        began = time.perf_counter()
        async with session.get(paths[n % len(paths)]) as answer:
            content = await answer.read()
        took_ms.append((time.perf_counter() - began) * 1e3)
        assert answer.status == 200, content
    p50, p99 = percentiles(took_ms[WARM_UP:])
    goal = verdict(p99, floor=GOAL_MS, aim=GOAL_MS - 1e-9)
    return (
        f"{name:<46} p50 {p50:8.1f} ms, p99 {p99:6.1f} ms, {len(content):,} bytes"
        f"   goal p99 {GOAL_MS:.0f} ms: {goal}"
    )


async def _bare(owner: asyncpg.Connection) -> float:
    took_ms = []
    for _ in range(5):
        began = time.perf_counter()
        await owner.fetch(_COUNT)
        took_ms.append((time.perf_counter() - began) * 1e3)
    return percentiles(took_ms)[0]
