"""An audited write commits with its row, or not at all."""

import orjson
import pytest

from onefunnel.audit import policy

from .conftest import ANNA, Things

THING = {"name": "a thing"}


async def rows(things: Things) -> list[dict]:
    return [dict(row) for row in await things.owner.fetch("SELECT * FROM audit ORDER BY id")]


@pytest.fixture(autouse=True)
async def _nothing_before(things: Things):
    await things.owner.execute("SET session_replication_role = replica; TRUNCATE audit")


async def test_a_change_leaves_who_did_what_to_what(things, anna):
    made = await anna.post("/v1/things", json=THING, headers={"X-Request-Id": "r-1"})

    (row,) = await rows(things)
    assert (row["principal_id"], row["role"]) == (ANNA.principal_id, ANNA.role)
    assert (row["resource"], row["action"]) == ("thing", "create")
    assert (row["object_id"], row["version"]) == (made.json()["id"], 1)
    assert str(row["event_id"]) == made.headers["Event-Id"]
    assert row["request_id"] == made.headers["X-Request-Id"]


async def test_what_was_sent_is_in_no_row(things, anna):
    await anna.post("/v1/things", json={"name": "Jane Canary"})

    (row,) = await rows(things)
    assert b"Canary" not in repr(row).encode()


async def test_the_object_of_a_change_is_what_the_path_names(things, anna):
    made = (await anna.post("/v1/things", json=THING)).json()
    await anna.post(f"/v1/things/{made['id']}/accept")

    assert [row["object_id"] for row in await rows(things)] == [made["id"]] * 2


async def test_a_refused_change_leaves_no_row(things, anna):
    made = (await anna.post("/v1/things", json=THING)).json()
    accepted = [await anna.post(f"/v1/things/{made['id']}/accept") for _ in range(2)]

    assert [answer.status_code for answer in accepted] == [200, 409]
    assert len(await rows(things)) == 2


async def test_a_replay_is_no_second_change(things, anna):
    for _ in range(2):
        await anna.post("/v1/things", json=THING, headers={"Idempotency-Key": "once"})

    assert len(await rows(things)) == 1


async def test_without_its_row_nothing_changes(things, anna):
    before = await things.names()
    await things.owner.execute("ALTER TABLE audit RENAME TO away")
    try:
        answer = await anna.post("/v1/things", json=THING)
    finally:
        await things.owner.execute("ALTER TABLE away RENAME TO audit")

    assert answer.status_code == 500
    assert await things.names() == before


async def test_an_everyday_fact_leaves_no_row(things, anna, monkeypatch):
    monkeypatch.setattr(policy, "_EVERYDAY", {"thing": frozenset({"create"})})
    await anna.post("/v1/things", json=THING)

    assert await rows(things) == []


async def test_the_few_fields_that_no_event_tells_are_repeated(things, anna, monkeypatch):
    monkeypatch.setattr(policy, "_TOLD", {("thing", "create"): ("count", "flags")})
    await anna.post("/v1/things", json={"name": "secret", "count": 3})

    (row,) = await rows(things)
    assert orjson.loads(row["told"]) == {"count": 3}
