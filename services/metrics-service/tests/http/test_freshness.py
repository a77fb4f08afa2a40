"""How fresh an answer is, and reading one's own writes."""

from datetime import UTC, datetime

from onefunnel.ids import new_id

from .test_pay_commands import PLANS, plan
from .world import deal, lead, noon, won


async def wait_for(metrics, event_id, path="/v1/funnel"):
    async with metrics.client() as client:
        return await client.get(path, headers={"Wait-For": str(event_id)})


async def test_a_folded_event_is_in_the_answer(metrics):
    await metrics.begin()
    async with metrics.client() as client:
        written = await client.post(PLANS, json=plan())
    await metrics.settle()

    answer = await wait_for(metrics, written.headers["Event-Id"])

    assert answer.status_code == 200


async def test_an_event_that_is_not_folded_in_time_is_a_problem_with_the_lag(metrics):
    await metrics.begin()

    answer = await wait_for(metrics, new_id())

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    problem = answer.json()
    assert (problem["code"], problem["state"]) == ("projection-behind", "unseen")
    assert problem["lag_events"] == 0


async def test_a_parked_event_is_told_at_once(metrics):
    await metrics.begin()
    made = deal(noon("2026-03-01"))
    _first, second = metrics.teller.records(made, won(made, noon("2026-03-02")))
    metrics.log.append(second.topic, second.key, second.value)
    await metrics.settle()

    answer = await wait_for(metrics, second.event_id)

    assert answer.status_code == 503
    assert (answer.json()["state"], answer.json()["reason"]) == ("parked", "gap")


async def test_a_dead_event_is_told_at_once(metrics):
    await metrics.begin()
    (first,) = metrics.teller.records(*lead(noon("2026-03-01")))
    metrics.log.append(first.topic, first.key, first.value)
    await metrics.settle()
    metrics.teller.sequences.clear()
    (again,) = metrics.teller.records(*lead(noon("2026-03-01")))
    text = again.value.replace(str(again.key).encode(), str(first.key).encode())
    metrics.log.append(again.topic, first.key, text)
    await metrics.settle()

    answer = await wait_for(metrics, again.event_id)

    assert answer.status_code == 503
    assert (answer.json()["state"], answer.json()["reason"]) == ("dead", "sequence-conflict")


async def test_an_event_of_another_tenant_is_never_seen(metrics):
    await metrics.begin()
    (record,) = metrics.teller.records(*lead(noon("2026-03-01")))
    metrics.log.append(record.topic, record.key, record.value)
    await metrics.settle()

    async with metrics.client(tenant=new_id()) as client:
        answer = await client.get(
            "/v1/compensation/ledger", headers={"Wait-For": str(record.event_id)}
        )

    assert (answer.status_code, answer.json()["state"]) == (503, "unseen")


async def test_status_says_what_waits(metrics):
    await metrics.begin()
    made = deal(noon("2026-03-01"))
    _first, second = metrics.teller.records(made, won(made, noon("2026-03-02")))
    metrics.log.append(second.topic, second.key, second.value)
    await metrics.settle()

    status = await metrics.get("/internal/status")

    assert (status["parked"], status["dead_letters"], status["generation"]) == (1, 0, 1)
    assert status["lag_events"] == 1, "the win waits for what came before it"
    standing = {one["name"]: one for one in status["projections"]}
    assert standing["sales-performance"]["lag_events"] == 1
    assert standing["content-utilization"]["lag_events"] == 0


async def test_the_first_event_of_a_partition_is_waited_for_like_any_other(metrics):
    await metrics.begin()
    spoken = {p for p, records in metrics.log.records.items() if records}
    before = await as_of(metrics)
    while True:
        (record,) = metrics.teller.records(*lead(noon("2026-03-01")))
        partition = metrics.log.append(record.topic, record.key, record.value)
        if partition not in spoken:
            break
        metrics.log.records[partition].pop()
    written = datetime.now(UTC)

    await metrics.look_after()
    assert before <= await as_of(metrics) < written, "it is not counted yet"

    await metrics.settle()
    assert await as_of(metrics) > written


async def as_of(metrics) -> datetime:
    answer = await metrics.get("/v1/sales-performance")
    assert not answer["stale"]
    return datetime.fromisoformat(answer["as_of"])
