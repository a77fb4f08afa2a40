"""Several at once, and some that die in between."""

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from onefunnel.http.principal import Principal, sign_principal
from onefunnel.reach import EVERYTHING
from onefunnel.testing.waiting import until


async def test_two_refunds_at_once_never_pay_back_more_than_the_whole(caller: Any) -> None:
    person = await caller.made("/v1/people", {"name": "Rob", "kind": "rep"})
    money = {"amount_minor": 100, "currency": "EUR"}
    deal = await caller.made("/v1/deals", {"owner": person["id"], "amount": money})
    await caller.made(f"/v1/deals/{deal['id']}/win", {})
    path = f"/v1/deals/{deal['id']}/refunds"
    answers = await asyncio.gather(*(caller.post(path, {"fraction": "0.4"}) for _ in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 200, 422, 422, 422]
    sequences = [e["sequence"] for e in await caller.events() if e["subject"] == deal["id"]]
    assert sequences == ["1", "2", "3", "4"]


async def test_one_outside_name_captured_at_once_is_one_lead(caller: Any) -> None:
    body = {"external": {"source": "form", "id": "1"}, "name": "Eve"}
    answers = await asyncio.gather(*(caller.post("/v1/leads", body) for _ in range(6)))
    assert sorted(a.status_code for a in answers) == [200] * 5 + [201]
    assert (await caller.types()).count("lead.captured") == 1


async def test_two_managers_of_each_other_at_once_are_refused(caller: Any) -> None:
    ada = await caller.made("/v1/people", {"name": "Ada", "kind": "manager"})
    bob = await caller.made("/v1/people", {"name": "Bob", "kind": "manager"})
    answers = await asyncio.gather(
        *(
            caller.send(
                "PATCH",
                f"/v1/people/{one['id']}",
                {"memberships": [{"manager": other["id"]}]},
                If_Match='"1"',
            )
            for one, other in ((ada, bob), (bob, ada))
        )
    )
    assert sorted(a.status_code for a in answers) == [200, 422]


def rows(n: int) -> dict[str, Any]:
    items = []
    for k in range(n):
        deal = {"source": "crm", "id": str(k)}
        items.append(
            {
                "key": str(k),
                "commands": [
                    {"do": "deal.create", "external": deal, "created_at": "2020-01-01"},
                    {"do": "deal.lose", "external": deal, "at": "2020-02-01", "outcome": "unspecified", "reason": "x"},
                ],
            }
        )  # fmt: skip
    return {"source": "crm", "items": items}


async def test_the_same_batch_several_times_at_once_is_in_once(caller: Any) -> None:
    answers = await asyncio.gather(*(caller.post("/v1/batches", rows(20)) for _ in range(3)))
    assert [a.status_code for a in answers] == [200, 200, 200]
    statuses = [item["status"] for a in answers for item in a.json()["items"]]
    assert statuses.count("created") == 20
    assert statuses.count("unchanged") == 40
    assert (await caller.types()).count("deal.created") == 20


async def test_a_batch_that_the_server_ends_as_half_of_a_deadlock_fails(caller: Any) -> None:
    made = [(await caller.made("/v1/leads", outside(n)))["id"] for n in range(2)]
    first, second = sorted(made)
    other = await asyncpg.connect(caller.database.owner_url)
    observer = await asyncpg.connect(caller.database.owner_url)
    lock = "UPDATE lead SET version = version WHERE id = $1"
    commands = [{"do": "lead.capture", **outside(n), "company": "Initech"} for n in range(2)]
    items = [{"key": "all", "commands": commands}]

    async def is_waiting() -> bool:
        return bool(await observer.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    async with other.transaction():
        await other.execute("SET LOCAL deadlock_timeout = '1h'")  # it is not this one that is ended
        await other.execute(lock, UUID(second))
        asking = asyncio.create_task(caller.post("/v1/batches", {"source": "form", "items": items}))
        await until(is_waiting)
        await other.execute(lock, UUID(first))
    answer = await asking
    await other.close()
    await observer.close()
    assert answer.status_code == 200, answer.text


def outside(n: int) -> dict[str, Any]:
    return {"external": {"source": "form", "id": str(n)}, "name": f"Lead {n}"}


async def killed(caller: Any, body: dict[str, Any], at: str) -> None:
    """Send a batch to a process that is killed at a point of its write."""
    principal = Principal(caller.tenant_id, "tester", "admin", None, EVERYTHING)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("dying_child.py")),
        caller.database.app_url,
        sign_principal(principal, b"k" * 32, datetime.now(UTC)),
        at,
        (b"k" * 32).hex(),
        caller.database.worker_url,
        stdin=asyncio.subprocess.PIPE,
    )
    await child.communicate(json.dumps(body).encode())
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("at", ["write.before_commit", "write.after_commit"])
async def test_a_batch_whose_process_is_killed_and_that_is_sent_again_ends_as_if_it_had_not(
    caller: Any, at: str
) -> None:
    await killed(caller, rows(5), at)
    expected = "created" if at == "write.before_commit" else "unchanged"
    again = (await caller.made("/v1/batches", rows(5)))["items"]
    assert {item["status"] for item in again} == {expected}
    assert (await caller.types()).count("deal.lost") == 5
    before = await caller.state()
    await caller.made("/v1/batches", rows(5))
    assert await caller.state() == before
