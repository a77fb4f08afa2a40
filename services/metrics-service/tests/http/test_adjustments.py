"""An amount by hand: one person proposes it, another approves it, and neither is paid."""

import asyncio

import pytest

from onefunnel.ids import new_id
from onefunnel.reach import Rights

from .conftest import ADJUSTMENTS
from .test_statements import stated

PAID, ONE, OTHER = new_id(), new_id(), new_id()


def amount(minor=-500, **extra):
    body = {"person": str(PAID), "at": "2026-01-10T12:00:00Z", "reason": "Paid twice"}
    return {**body, "amount": {"amount_minor": minor, "currency": "USD"}, **extra}


async def proposed(metrics, by=ONE, **extra):
    return await metrics.post(ADJUSTMENTS, amount(**extra), by=by)


async def decide(metrics, made, how="approve", *, by, status=200):
    return await metrics.post(f"{ADJUSTMENTS}/{made['id']}/{how}", by=by, status=status)


async def total(metrics):
    await metrics.settle()
    return [one["total"]["amount_minor"] for one in (await stated(metrics, PAID))["totals"]]


async def test_what_is_proposed_is_in_no_book_before_another_person_approves_it(metrics):
    await metrics.begin()
    made = await proposed(metrics)
    assert (made["status"], made["proposed_by"], made["decided_by"]) == ("proposed", str(ONE), None)
    assert await metrics.published() == []
    assert await total(metrics) == [0]

    approved = await decide(metrics, made, by=OTHER)

    assert (approved["status"], approved["decided_by"]) == ("approved", str(OTHER))
    assert await total(metrics) == [-500]


async def test_who_proposes_does_not_approve_and_nothing_is_posted(metrics):
    made = await proposed(metrics)

    refused = await decide(metrics, made, by=ONE, status=403)

    assert refused["code"] == "forbidden"
    assert await metrics.published() == []


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
async def test_what_is_decided_is_decided(metrics, first, second):
    made = await proposed(metrics)
    decided = await decide(metrics, made, first, by=OTHER)

    refused = await decide(metrics, made, second, by=new_id(), status=409)

    assert refused["code"] == "already-decided"
    assert len(await metrics.published()) == (first == "approve")
    listed = await metrics.get(ADJUSTMENTS)
    assert listed["items"] == [decided]


async def test_of_two_who_approve_at_once_one_posts(metrics):
    made = await proposed(metrics)

    async def approve():
        async with metrics.client(person=new_id()) as client:
            return (await client.post(f"{ADJUSTMENTS}/{made['id']}/approve")).status_code

    assert sorted(await asyncio.gather(*(approve() for _ in range(4)))) == [200, 409, 409, 409]
    assert len(await metrics.published()) == 1


async def test_whose_pay_it_is_neither_proposes_nor_decides_whatever_their_rights(metrics):
    assert (await metrics.post(ADJUSTMENTS, amount(), by=PAID, status=403))["code"] == "forbidden"
    made = await proposed(metrics)

    await decide(metrics, made, "approve", by=PAID, status=403)
    await decide(metrics, made, "reject", by=PAID, status=403)

    assert (await metrics.get(ADJUSTMENTS))["items"] == [made]


async def test_a_key_of_no_person_is_no_second_person_and_no_first(metrics):
    refused = await metrics.post(ADJUSTMENTS, amount(), status=403)
    assert "belongs to no person" in refused["detail"]

    await decide(metrics, await proposed(metrics), by=None, status=403)


async def test_who_proposed_it_may_take_it_back(metrics):
    rejected = await decide(metrics, await proposed(metrics), "reject", by=ONE)

    assert rejected["status"] == "rejected"
    assert await metrics.published() == []


async def test_what_waits_for_a_decision_is_listed_alone(metrics):
    waiting = await proposed(metrics)
    await decide(metrics, await proposed(metrics), by=OTHER)

    listed = await metrics.get(f"{ADJUSTMENTS}?status=proposed")

    assert listed["items"] == [waiting]


async def test_nobody_approves_what_they_do_not_see_or_only_see(metrics):
    made = await proposed(metrics)
    nowhere = {"id": str(new_id())}
    seen = {"only seen": Rights(sees=frozenset({"other"})), "unseen": Rights()}

    answers = {}
    for name, rights in seen.items():
        async with metrics.client("manager", person=OTHER, rights=rights) as client:
            for what in (made, nowhere):
                answer = await client.post(f"{ADJUSTMENTS}/{what['id']}/approve")
                body = {
                    k: v for k, v in answer.json().items() if k not in {"instance", "request_id"}
                }
                answers[name, what["id"]] = (answer.status_code, body)

    assert answers["only seen", made["id"]][0] == 403
    assert answers["unseen", made["id"]][0] == 404
    assert answers["unseen", made["id"]] == answers["unseen", nowhere["id"]]


async def test_an_adjustment_keeps_its_reason_at_home(metrics):
    answer = await metrics.adjust(amount(reason="CANARY: Dana's laptop"))

    (row,) = await metrics.owner.fetch("SELECT record FROM outbox")
    assert answer["reason"] == "CANARY: Dana's laptop"
    assert b"CANARY" not in row["record"]


async def test_nothing_is_adjusted_by_nothing(metrics):
    await metrics.post(ADJUSTMENTS, amount(0), by=ONE, status=422)
