"""Two tenants on the whole product: what one is told does not depend on what another does meanwhile.

`PROGRAMS` is how many random programs are tried; each is run by a tenant alone, and by one beside another.
"""

import json
import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import httpx
import pytest

from gateway.main import create_tenant
from onefunnel.ids import new_id

from .stage import CALENDAR, Stage
from .worlds.world import settled

PROGRAMS: Final = int(os.environ.get("PROGRAMS", "8"))
LENGTH: Final = 14
CANARY: Final = "CANARY-B"
PAY: Final = "/v1/compensation"
READS: Final = (
    "/v1/leads", "/v1/deals", "/v1/deals?owner={person}", "/v1/activities", "/v1/people", "/v1/accounts",
    "/v1/leads/{lead}", "/v1/leads/{lead}/timeline", "/v1/leads/{lead}/score", "/v1/deals/{deal}",
    "/v1/deals/{deal}/timeline", "/v1/me", "/v1/content?q=guide", "/v1/feedback", f"{PAY}/plans",
    f"{PAY}/adjustments", "/v1/leads?external.source=crm&external.id=1", "/v1/audit?limit=20",
)  # fmt: skip
NUMBERS: Final = (
    "/v1/sales-performance?group_by=person", "/v1/funnel", "/v1/lead-utilization", f"{PAY}/ledger",
    f"{PAY}/statements?payee={{person}}&period=2026-10", "/v1/explain?metric=sales.opened",
    "/v1/quota-attainment?period=2026-10",
)  # fmt: skip
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")
# What is of one answer alone.
_OTHERWISE: Final = re.compile(
    r'"(next_cursor|request_id|instance|key|entry_id|digest)":("[^"]*"|\d+|null)'
)


class Teller:
    """A tenant that walks through a program and writes down what it is told."""

    def __init__(self, stage: Stage, mark: str, chance: Random) -> None:
        self._stage = stage
        self._mark = mark
        self._chance = chance
        _, self.key = stage.run(create_tenant(stage.runtime, str(new_id()), settings=CALENDAR))
        self._known: dict[str, str] = {}
        self.last = dict.fromkeys(("person", "lead", "deal", "account"), str(new_id()))
        self.told: list[str] = []

    def step(self) -> None:
        """Do the next thing: make something, change it, or look."""
        chance, mark = self._chance, self._mark
        name, number = f"{mark} {chance.randint(1, 3)}", str(chance.randint(1, 3))
        external = {"source": "crm", "id": number}
        made: dict[str, tuple[str, Any]] = {
            "person": ("/v1/people", {"name": name, "kind": "rep", "email": f"{number}@example.com"}),
            "account": ("/v1/accounts", {"name": name, "external": external}),
            "lead": ("/v1/leads", {"source": "web", "name": name, "external": external,
                                   "email": f"{number}@example.com"}),
            "deal": ("/v1/deals", {"name": name, "owner": self.last["person"], "currency": "EUR"}),
        }  # fmt: skip
        changed: list[tuple[str, Any]] = [
            ("/v1/leads/{lead}/assign", {"owner": self.last["person"]}),
            ("/v1/leads/{lead}/accept", {}),
            ("/v1/leads/{lead}/ratings", {"side": "sales", "score": 3}),
            ("/v1/deals/{deal}/win", _won(chance)),
            ("/v1/activities", {"deal": self.last["deal"], "kind": "call", "note": name}),
            ("/v1/content", {"title": f"guide {name}", "kind": "guide"}),
            (f"{PAY}/plans", {"name": "p", "currency": "EUR", "components": [_component()]}),
            (f"{PAY}/quotas", {"person": self.last["person"], "measure": "count", "count": 3,
                               "period": "2026-10"}),
        ]  # fmt: skip
        kind = chance.choice(["make", "make", "change", "look", "look"])
        if kind == "make":
            what = chance.choice(sorted(made))
            found = self.ask("POST", *made[what], idempotency_key=f"k{chance.randint(1, 20)}")
            self.last[what] = str(found.get("id", self.last[what]))
        elif kind == "change":
            self.ask("POST", *chance.choice(changed))
        else:
            self.ask("GET", chance.choice(READS))

    def look(self) -> None:
        """Read everything, numbers too."""
        for path in (*READS, *NUMBERS):
            self.ask("GET", path)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """Ask, and write down what is told; return it."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        target = path.format(**self.last)
        answer = self._stage.ask(method, target, role=None, headers=sent, body=content)
        headers_told = [(n, v) for n, v in answer.headers if n in {b"etag", b"location"}]
        text = f"{answer.status} {answer.body.decode()} {sorted(headers_told)}"
        self.told.append(self._normal(text))
        found: dict[str, Any] = json.loads(answer.body or b"{}")
        return found

    def _normal(self, text: str) -> str:
        """Return a text with ids by the order in which they first came, and without what is of now."""
        text = _OTHERWISE.sub(r'"\1":"…"', _TIME.sub("…", text))
        return _ID.sub(lambda id_: self._known.setdefault(id_[0], f"#{len(self._known)}"), text)


def _won(chance: Random) -> dict[str, Any]:
    lines = [{"id": "1", "revenue_minor": 100 * chance.randint(1, 9)}]
    return {"at": "2026-10-10T10:00:00Z", "lines": lines}


def _component() -> dict[str, str]:
    return {"id": "c", "measure": "revenue", "rate": "0.1", "period": "month"}


@pytest.fixture(scope="module")
def pairs(stage: Stage) -> list[tuple[Teller, Teller, Teller]]:
    """Return tenants that walked through one program each alone, and beside another, with these others."""
    found = []
    for seed in range(PROGRAMS):
        alone = Teller(stage, "A", Random(seed))
        for _ in range(LENGTH):
            alone.step()
        beside, other = Teller(stage, "A", Random(seed)), Teller(stage, CANARY, Random(-seed - 1))
        turns = Random(seed)
        for _ in range(LENGTH):
            for _ in range(turns.randint(0, 3)):
                other.step()
            beside.step()
        found.append((alone, beside, other))
    with stage.working():
        settled(stage, [one.key for pair in found for one in pair])
    for alone, beside, other in found:
        for one in (alone, other, beside):
            one.look()
    return found


def test_what_a_tenant_is_told_does_not_depend_on_another(
    pairs: list[tuple[Teller, Teller, Teller]],
) -> None:
    for alone, beside, _ in pairs:
        assert list(_differing(beside, alone)) == []
    assert any("201" in line for alone, _, _ in pairs for line in alone.told)


def _differing(one: Teller, other: Teller) -> Iterator[tuple[str, str]]:
    """Yield what two were told differently, from where they begin to differ."""
    for mine, theirs in zip(one.told, other.told, strict=True):
        if mine != theirs:
            pairs = enumerate(zip(mine, theirs, strict=False))
            same = next((at for at, (a, b) in pairs if a != b), 0)
            yield mine[max(0, same - 200) : same + 200], theirs[max(0, same - 200) : same + 200]


def test_nothing_of_a_tenant_is_in_an_answer_to_another(
    pairs: list[tuple[Teller, Teller, Teller]],
) -> None:
    assert any(CANARY in line for _, _, other in pairs for line in other.told)
    for alone, beside, _ in pairs:
        assert CANARY not in "".join([*alone.told, *beside.told])


def test_nothing_says_that_another_tenant_writes(stage: Stage) -> None:
    """Neither how far the projections are, of which live hints are made, nor what waits for the log."""
    mine, other = Teller(stage, "A", Random(1)), Teller(stage, CANARY, Random(2))
    with stage.working():
        mine.ask("POST", "/v1/leads", {"source": "web"})
        settled(stage, [mine.key])
    before = standing(mine)
    for _ in range(LENGTH):
        other.step()

    assert sum(one["outbox"]["depth"] for one in standing(other).values()) > 0
    assert standing(mine) == before
    with stage.working():
        settled(stage, [other.key])
    assert standing(other)["metrics"]["projections"] != before["metrics"]["projections"]
    assert standing(mine) == before


def standing(teller: Teller) -> dict[str, Any]:
    """Return what a tenant is told of how things stand, without when they were looked at."""
    services = teller.ask("GET", "/v1/status")["services"]
    details: dict[str, Any] = {name: one["detail"] for name, one in services.items()}
    return {name: {**detail, "as_of": None} for name, detail in details.items()}


def test_no_line_of_the_log_holds_what_somebody_wrote(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    teller = Teller(stage, CANARY, Random(4))
    with stage.working():
        for _ in range(2 * LENGTH):
            teller.step()
        stage.run(_over_http(stage, teller.key))
        settled(stage, [teller.key])
    written = "".join(capfd.readouterr())
    assert "route=/v1/leads" in written
    assert "part=audit" in written
    assert CANARY not in written
    assert "@example.com" not in written


async def _over_http(stage: Stage, key: str) -> None:
    """Ask as a stranger at a socket does: only such requests have lines of their own."""
    transport = httpx.ASGITransport(stage.apps["gateway"])
    sent = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://g", headers=sent) as client:
        body = {"name": CANARY, "email": "b@example.com"}
        assert (await client.post("/v1/leads", json=body)).status_code == 201
        for query in ("source", CANARY):
            await client.get(f"/v1/leads?{query}={CANARY}")
        await client.post("/v1/leads", json={CANARY: CANARY})
