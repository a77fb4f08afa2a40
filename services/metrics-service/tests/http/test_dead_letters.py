"""Dead letters over HTTP: seen without their content, settled by whoever may."""

from onefunnel.ids import new_id

from .world import deal, line, lost, noon, won

DEAD = "/internal/dead-letters"


async def poisoned(metrics):
    """Tell of a deal whose second event cannot be read; a third waits for it."""
    await metrics.begin()
    made = deal(noon("2026-03-01"))
    first, second, third = metrics.teller.records(
        made, won(made, noon("2026-03-02"), line(100)), lost(made, noon("2026-03-03"))
    )
    broken = second.value.replace(b'"revenue_minor":100', b'"revenue_minor":"x"')
    for record, value in ((first, first.value), (second, broken), (third, third.value)):
        metrics.log.append(record.topic, record.key, value)
    await metrics.settle()
    return second


async def test_a_dead_letter_says_why_and_what_waits_but_not_what_it_holds(metrics):
    second = await poisoned(metrics)

    (letter,) = await metrics.get(DEAD)

    assert (letter["status"], letter["reason"]) == ("open", "malformed-data")
    assert letter["event_id"] == str(second.event_id)
    assert (letter["aggregate"], letter["sequence"], letter["waiting"]) == ("deal", 2, 1)
    assert "record" not in letter
    assert await metrics.get(f"{DEAD}/{letter['id']}") == letter


async def test_a_discarded_letter_lets_the_others_go_on(metrics):
    await poisoned(metrics)
    (letter,) = await metrics.get(DEAD)

    settled = await metrics.post(f"{DEAD}/{letter['id']}/discard", status=200)

    assert settled["outcome"] == "discarded"
    (gone,) = await metrics.get(DEAD)
    assert (gone["status"], gone["waiting"], gone["actor"]) == ("discarded", 0, "key:comp_admin")
    performance = await metrics.get("/v1/sales-performance", **{"from": "2026-01-01"})
    assert performance["groups"][0]["counts"]["lost"] == 1


async def test_a_letter_that_is_still_poison_stays_dead(metrics):
    await poisoned(metrics)
    (letter,) = await metrics.get(DEAD)

    settled = await metrics.post(f"{DEAD}/{letter['id']}/redrive", status=200)

    assert settled["outcome"] == "still-dead"
    assert (await metrics.get(f"{DEAD}/{letter['id']}"))["attempts"] == 2


async def test_a_letter_of_another_tenant_is_not_found(metrics):
    await poisoned(metrics)
    (letter,) = await metrics.get(DEAD)

    async with metrics.client(tenant=new_id()) as client:
        answers = [
            await client.get(f"{DEAD}/{letter['id']}"),
            await client.post(f"{DEAD}/{letter['id']}/discard"),
        ]

    assert [a.status_code for a in answers] == [404, 404]
    assert (await metrics.get(f"{DEAD}/{letter['id']}"))["status"] == "open"
