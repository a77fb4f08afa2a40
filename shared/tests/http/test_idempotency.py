"""Idempotency keys on a real PostgreSQL: one effect, one answer, however often it is asked for."""

import asyncio
from datetime import datetime, timedelta

import pytest

from onefunnel.clock import SystemClock
from onefunnel.http.forgetting import forget_answers
from onefunnel.http.idempotency import KEPT
from onefunnel.http.principal import Principal
from onefunnel.persistence.database import Database, StorageUnavailable

from .conftest import OTHER_TENANT, TENANT


async def create(client, key: str | None, name: str = "one", **headers):
    if key is not None:
        headers["Idempotency-Key"] = key
    return await client.post("/v1/things", json={"name": name}, headers=headers)


async def test_a_repeat_gets_the_first_answer_and_has_no_second_effect(things, anna):
    first = await create(anna, "k")
    second = await create(anna, "k")

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    for header in ("event-id", "etag", "location"):
        assert first.headers[header] == second.headers[header]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await things.names() == ["one"]
    assert len(things.wakes) == 1


async def test_quoted_and_plain_keys_are_the_same_key(things, anna):
    await create(anna, '"k"')
    assert (await create(anna, "k")).headers["idempotent-replayed"] == "true"


async def test_without_a_key_every_request_counts(things, anna):
    await create(anna, None)
    await create(anna, None)
    assert await things.names() == ["one", "one"]


async def test_a_key_with_another_body_is_refused(things, anna):
    await create(anna, "k")
    answer = await create(anna, "k", "two")

    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency-key-reused"
    assert await things.names() == ["one"]


async def test_the_same_body_in_other_order_and_spaces_is_the_same_request(things, anna):
    sent = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    bodies = (b'{"name":"one","count":1}', b' { "count" : 1,\n"n\\u0061me":"one" } ')
    first, second = [await anna.post("/v1/things", content=b, headers=sent) for b in bodies]
    assert first.status_code == second.status_code == 201
    assert second.headers["idempotent-replayed"] == "true"
    assert await things.names() == ["one"]


async def test_a_key_with_another_path_of_the_same_route_is_refused(things, anna):
    ids = [(await create(anna, None)).json()["id"] for _ in range(2)]
    headers = {"Idempotency-Key": "k"}
    assert (await anna.post(f"/v1/things/{ids[0]}/accept", headers=headers)).status_code == 200
    answer = await anna.post(f"/v1/things/{ids[1]}/accept", headers=headers)
    assert answer.json()["code"] == "idempotency-key-reused"


@pytest.mark.parametrize(
    "other",
    [
        Principal(TENANT, "key:bert", "rep"),
        Principal(OTHER_TENANT, "key:anna", "rep"),
    ],
)
async def test_a_key_belongs_to_one_principal_of_one_tenant(things, anna, other):
    await create(anna, "k")
    async with things.client(other) as client:
        answer = await create(client, "k", "theirs")
    assert answer.status_code == 201
    assert await things.names() == ["one", "theirs"]


async def test_a_final_refusal_is_replayed_even_after_the_state_has_changed(things, anna):
    thing = (await create(anna, None)).json()["id"]
    path, headers = f"/v1/things/{thing}/accept", {"Idempotency-Key": "k"}
    await anna.post(path)
    refused = await anna.post(path, headers=headers)
    await things.owner.execute("UPDATE thing SET accepted = false")
    repeated = await anna.post(path, headers=headers)

    assert refused.status_code == repeated.status_code == 409
    assert refused.json() == repeated.json()
    assert repeated.headers["idempotent-replayed"] == "true"
    assert repeated.headers["content-type"] == "application/problem+json"


async def test_a_failure_of_ours_leaves_no_trace_and_the_repeat_does_the_work(things, anna):
    async def fail() -> None:
        raise RuntimeError("canary-8731")

    things.before_commit = fail
    failed = await create(anna, "k")
    things.before_commit = None
    repeated = await create(anna, "k")

    assert failed.status_code == 500
    assert "canary-8731" not in failed.text
    assert repeated.status_code == 201
    assert "idempotent-replayed" not in repeated.headers
    assert await things.names() == ["one"]


async def test_a_body_that_is_not_valid_does_not_burn_the_key(things, anna):
    bad = await anna.post("/v1/things", json={"name": 1}, headers={"Idempotency-Key": "k"})
    assert bad.status_code == 422
    assert (await create(anna, "k")).status_code == 201


async def test_a_stale_version_does_not_burn_the_key(things, anna):
    made = await create(anna, None)
    path, headers = made.headers["location"], {"Idempotency-Key": "k"}
    stale = await anna.patch(path, json={"name": "x"}, headers={**headers, "If-Match": '"9"'})
    fresh = await anna.patch(path, json={"name": "x"}, headers={**headers, "If-Match": '"1"'})
    assert stale.status_code == 412
    assert fresh.status_code == 200
    assert fresh.headers["etag"] == '"2"'


async def test_while_the_first_is_being_worked_on_the_second_is_told_so(things, anna):
    started, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        started.set()
        await release.wait()

    things.before_commit = hold
    first = asyncio.create_task(create(anna, "k"))
    await started.wait()
    second = await create(anna, "k")
    release.set()

    assert second.status_code == 409
    assert second.json()["code"] == "request-in-progress"
    assert (await first).status_code == 201
    assert (await create(anna, "k")).headers["idempotent-replayed"] == "true"
    assert await things.names() == ["one"]


@pytest.mark.parametrize("clients", [2, 20])
async def test_of_many_at_once_one_has_an_effect(things, anna, clients):
    answers = await asyncio.gather(*(create(anna, "k") for _ in range(clients)))
    assert {a.status_code for a in answers} <= {201, 409}
    bodies = {a.content for a in answers if a.status_code == 201}
    assert len(bodies) == 1
    assert await things.names() == ["one"]


class Forgetful(set):
    """What another process knows of the requests that are in flight here."""

    def __contains__(self, _: object) -> bool:
        return False


async def test_of_two_processes_one_has_the_effect_and_both_the_answer(things, anna):
    """Both work; the second to keep its answer finds the first's, undoes its work and replays."""
    things.app.state.in_flight = Forgetful()
    both = asyncio.Barrier(2)

    async def meet() -> None:
        if things.runs <= 2:
            await both.wait()

    things.before_commit = meet
    first, second = await asyncio.gather(create(anna, "k"), create(anna, "k"))

    assert first.content == second.content
    assert {"idempotent-replayed" in a.headers for a in (first, second)} == {True, False}
    assert await things.names() == ["one"]
    assert things.runs == 2


async def test_of_two_processes_that_may_both_act_only_one_does(things, anna):
    """The second's work succeeds on its own terms; the key alone says that it was done before."""
    things.app.state.in_flight = Forgetful()
    answers = await asyncio.gather(*(create(anna, "k", "same") for _ in range(8)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert await things.names() == ["same"]


async def test_of_two_processes_that_are_both_refused_both_get_one_answer(
    things, anna, monkeypatch
):
    """Both find no answer yet and keep their own: the second takes the first's."""
    from onefunnel.http import writes

    path = (await create(anna, None)).headers["location"] + "/accept"
    await anna.post(path)
    things.app.state.in_flight = Forgetful()
    both, real, looks = asyncio.Barrier(2), writes.find, 0

    async def together(conn, claim):
        nonlocal looks
        looks += 1
        found = await real(conn, claim)
        if looks <= 2:
            await both.wait()
        return found

    monkeypatch.setattr(writes, "find", together)
    headers = {"Idempotency-Key": "k"}
    first, second = await asyncio.gather(*(anna.post(path, headers=headers) for _ in range(2)))
    assert first.status_code == second.status_code == 409
    assert {"idempotent-replayed" in a.headers for a in (first, second)} == {True, False}
    assert first.json()["code"] == second.json()["code"] == "conflict"


async def test_a_repeat_that_would_now_be_refused_gets_the_first_answer(things, anna):
    path = (await create(anna, None)).headers["location"] + "/accept"
    headers = {"Idempotency-Key": "k"}
    first = await anna.post(path, headers=headers)
    again = await anna.post(path, headers=headers)
    assert first.status_code == again.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert (await anna.post(path)).status_code == 409


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", '"open', b"caf\xc3\xa9"])
async def test_a_key_that_is_no_string_is_refused(things, anna, key):
    answer = await create(anna, key)
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed-request"
    assert await things.names() == []
    path = (await create(anna, None)).headers["location"]
    without_body = await anna.post(f"{path}/accept", headers={"Idempotency-Key": key})
    assert without_body.json()["code"] == "malformed-request"
    assert (await anna.get(path)).headers["etag"] == '"1"'


async def test_two_keys_in_one_request_are_refused(things, anna):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await anna.post("/v1/things", json={"name": "one"}, headers=headers)
    assert answer.status_code == 400


class OneTurn:
    """A clock that stops what asks it, and a database that is away."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()

    def now(self) -> datetime:
        self.stop.set()
        return SystemClock().now()

    def transaction(self) -> None:
        self.stop.set()
        raise StorageUnavailable


async def test_answers_are_forgotten_after_thirty_days(things, anna):
    await create(anna, "k")
    await things.owner.execute("UPDATE idempotency SET created_at = now() - interval '31 days'")
    await create(anna, "young")
    url = things.database.url.replace("onefunnel_app", "onefunnel_worker")
    worker, clock = Database(url, pool_size=1, name="test"), OneTurn()
    await forget_answers(worker, clock, clock.stop)
    await worker.close()

    assert timedelta(days=30) == KEPT
    assert (await create(anna, "young")).headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in (await create(anna, "k")).headers
    assert await things.names() == ["one", "one", "one"]


async def test_a_database_that_is_away_ends_a_turn_and_not_the_forgetting():
    away = OneTurn()
    await forget_answers(away, away, away.stop)
    assert away.stop.is_set()
