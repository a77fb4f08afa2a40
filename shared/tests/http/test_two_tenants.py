"""Two tenants on one service: what one is told does not depend on the other, whoever is cut off when."""

import random
import re

import pytest

from onefunnel.http.principal import Principal
from onefunnel.ids import new_id
from onefunnel.testing.cutting import cut_off

from .conftest import Things, _app

CANARY = "CANARY-B"
PROGRAMS = 25
LENGTH = 8
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def narrow(things, things_database, open_database) -> Things:
    """Serve over a pool of one connection, so that the next request has the one that was left."""
    things.database = open_database(things_database.app_url, pool_size=1)
    things.app = _app(things)
    return things


async def make(things: Things, who: Principal, name: str) -> int:
    async with things.client(who) as client:
        return (await client.post("/v1/things", json={"name": name})).status_code


async def cut(things: Things, who: Principal, name: str, at: int) -> int:
    """Make a thing and be cut off at the n-th wait; return at how many it waited."""
    return await cut_off(make(things, who, name), at)


async def test_a_request_cut_off_at_any_wait_leaves_nothing_to_the_next_tenant(narrow):
    anna, bert = Principal(new_id(), "key:a", "rep"), Principal(new_id(), "key:b", "rep")
    waits = await cut(narrow, anna, "whole", 0)
    assert waits > 3
    for n in range(1, waits + 1):
        await cut(narrow, anna, f"cut {n}", n)
        assert await make(narrow, bert, f"after {n}") == 201
        rows = await narrow.owner.fetch("SELECT tenant_id, name FROM thing")
        assert (bert.tenant_id, f"after {n}") in {tuple(row) for row in rows}, n
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        in_database = f"{idle} AND datname = current_database()"
        assert await narrow.owner.fetchval(in_database) == 0, n
    whose = {row["name"].split()[0]: row["tenant_id"] for row in rows}
    assert whose["after"] == bert.tenant_id
    assert whose.get("cut", anna.tenant_id) == anna.tenant_id


Step = tuple[str, str, dict[str, str] | None]


def program(chance: random.Random, mark: str) -> list[Step]:
    """Return steps over a few names and keys, which both tenants use alike."""
    steps: list[Step] = []
    for _ in range(LENGTH):
        name = f"{mark}{chance.randint(1, 3)}"
        steps.append(
            chance.choice(
                [
                    ("POST", "/v1/things", {"name": name}),
                    ("GET", "/v1/things?limit=2", None),
                    ("GET", f"/v1/things?name={name}", None),
                    ("GET", "/v1/things/{last}", None),
                    ("POST", "/v1/things/{last}/accept", None),
                ]
            )
        )
    return steps


class Teller:
    """Walks through a program and writes down what it is told, ids by the order they first came in."""

    def __init__(self, things: Things, who: Principal, steps: list[Step]) -> None:
        self._things = things
        self._who = who
        self._steps = steps
        self._ids: dict[str, str] = {}
        self._last = str(new_id())
        self.told: list[str] = []

    async def step(self, n: int) -> None:
        method, path, body = self._steps[n]
        async with self._things.client(self._who) as client:
            answer = await client.request(
                method,
                path.format(last=self._last),
                json=body,
                headers={"X-Request-Id": "r", "Idempotency-Key": f"k{n % 5}"} if body else {},
            )
        if answer.status_code == 201:
            self._last = answer.json()["id"]
        text = re.sub(r'"(next_cursor|request_id|instance)":"[^"]*"', r'"\1":"…"', answer.text)
        named = _ID.sub(lambda id_: self._ids.setdefault(id_[0], f"#{len(self._ids)}"), text)
        self.told.append(f"{answer.status_code} {named}")


async def told(things: Things, steps: list[Step], other: list[Step] | None, seed: int) -> list[str]:
    """Return what a new tenant is told in a program, alone or between the steps of another."""
    mine = Teller(things, Principal(new_id(), "key:a", "rep"), steps)
    theirs = Teller(things, Principal(new_id(), "key:a", "rep"), other or [])
    chance, m, t = random.Random(seed), 0, 0
    while m < len(steps):
        if other and t < len(other) and chance.random() < 0.5:
            await theirs.step(t)
            t += 1
        else:
            await mine.step(m)
            m += 1
    return mine.told


@pytest.mark.parametrize("seed", range(PROGRAMS))
async def test_what_a_tenant_is_told_does_not_depend_on_another(things, seed):
    chance = random.Random(seed)
    steps, other = program(chance, "thing "), program(chance, CANARY)
    alone = await told(things, steps, None, seed)
    between = await told(things, steps, other, seed)
    assert between == alone
    assert CANARY not in "".join(between)
