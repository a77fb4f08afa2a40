"""What was stored is read afterwards: in whatever state the reader is, what was answered is not lost."""

import json

import pytest

from gateway.adapters.deliveries import DeliveryRepository
from gateway.application import reading
from gateway.background import reader

from .crm_work import changed
from .test_bodies import first
from .test_erased_bodies import erased, id_of, sizes
from .test_webhooks import became, connected, post, read, rows, send, stored, told, won


async def test_what_was_answered_is_told_when_the_reader_comes_and_not_before(gateway):
    to = await connected(gateway, "standard")
    answer = await post(gateway, to.sent(won()))
    assert answer.json()["status"] == "stored"
    assert (await became(gateway), await told(gateway)) == (["stored"], [])
    delivery = await first(gateway, to)
    assert delivery["id"] == answer.json()["delivery_id"]
    await read(gateway)
    assert (await became(gateway), len(await told(gateway))) == (["translated"], 1)


async def test_its_event_is_followed_by_the_request_that_brought_it(gateway):
    to = await connected(gateway, "standard")
    sent = to.sent(won())
    sent.headers["X-Request-Id"] = "asked-by-the-crm"
    answer = await send(gateway, sent)
    assert answer.headers["x-request-id"] == "asked-by-the-crm"
    (row,) = await told_rows(gateway)
    assert row["correlationid"] == "asked-by-the-crm"


async def told_rows(gateway):
    return [json.loads(row["record"]) for row in await rows(gateway, "SELECT record FROM outbox")]


async def test_a_reader_that_dies_in_its_turn_leaves_everything_to_the_next(gateway, monkeypatch):
    to = await connected(gateway, "standard")
    for n in range(3):
        await post(gateway, to.sent(won(f"D-{n}"), id=f"msg_{n}"))

    async def dying(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DeliveryRepository, "erased_among", dying)
        with pytest.raises(KeyboardInterrupt):
            await reader(gateway.runtime).turn()
    assert (await became(gateway), await told(gateway)) == (["stored"] * 3, [])
    await read(gateway)
    assert (await became(gateway), len(await told(gateway))) == (["translated"] * 3, 3)


async def test_one_that_breaks_the_reader_is_set_aside_and_can_be_replayed(gateway, monkeypatch):
    to = await connected(gateway, "standard")
    for n in range(5):
        await post(gateway, to.sent(won(f"D-{n}"), id=f"msg_{n}"))
    meaning_of = reading.meaning_of

    def breaking(changes, *more):
        if any(change.external_id == "D-2" for change in changes):
            raise ZeroDivisionError
        return meaning_of(changes, *more)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "meaning_of", breaking)
        await read(gateway)
    assert await became(gateway) == ["translated"] * 2 + ["failed"] + ["translated"] * 2
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}/deliveries"
    (failed,) = [d for d in (await admin.get(path)).json()["items"] if d["status"] == "failed"]
    assert [fault["code"] for fault in failed["faults"]] == ["broken"]
    again = await admin.post(f"{path}/{failed['id']}/replay")
    assert again.json()["status"] == "translated"
    assert sorted(e["external_id"] for e in await told(gateway)) == [f"D-{n}" for n in range(5)]


async def test_an_id_that_comes_again_with_other_content_is_named_and_changes_nothing(gateway):
    to = await connected(gateway, "standard")
    await send(gateway, to.sent(won("D-1")))
    await send(gateway, to.sent(won("D-9")))
    assert [event["external_id"] for event in await told(gateway)] == ["D-1"]
    admin = await gateway.client("admin")
    listed = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()["items"]
    assert [(one["status"], [f["code"] for f in one["faults"]]) for one in listed] == [
        ("duplicate", ["contradicts"]),
        ("translated", []),
    ]


async def test_what_waits_is_not_replayed_and_a_duplicate_has_nothing_to_replay(gateway):
    to = await connected(gateway, "standard")
    await post(gateway, to.sent(won()))
    admin = await gateway.client("admin")
    path = f"/v1/connections/{to.id}/deliveries/{(await first(gateway, to))['id']}"
    assert (await admin.post(f"{path}/replay")).status_code == 409
    assert (await admin.get(f"{path}/meaning")).json()["status"] == "translated"
    await send(gateway, to.sent(won()))
    newest = (await admin.get(f"/v1/connections/{to.id}/deliveries")).json()["items"][0]
    assert newest["status"] == "duplicate"
    path = f"/v1/connections/{to.id}/deliveries/{newest['id']}"
    assert (await admin.post(f"{path}/replay")).status_code == 410


async def test_a_body_that_was_erased_before_it_was_read_tells_of_nothing(gateway):
    to = await connected(gateway, "standard")
    await post(gateway, to.sent(won()))
    await changed(gateway, "DELETE FROM body_key")
    await read(gateway)
    assert (await became(gateway), await told(gateway)) == (["failed"], [])


async def test_a_body_that_waited_while_its_person_was_erased_is_emptied_when_read(gateway):
    to = await connected(gateway, "standard")
    lead = {"type": "lead.captured", "data": {"id": "L-1", "email": "ada@byron.example"}}
    await send(gateway, to.sent(lead))
    await post(gateway, to.sent({**lead, "type": "lead.updated"}, id="msg_2"))
    await erased(gateway, await id_of(gateway, "lead", "L-1"))
    await read(gateway)
    assert await sizes(gateway) == [0, 0]


async def test_a_body_is_found_by_a_record_of_which_it_says_nothing_new(gateway):
    to = await connected(gateway, "hubspot")
    contact = {
        "eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": 1794907800000,
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 7,
    }  # fmt: skip
    await send(gateway, to.sent([contact]))
    await send(gateway, to.sent([contact, {**contact, "eventId": 2, "objectId": 8}]))
    await erased(gateway, await id_of(gateway, "lead", "7"))
    assert await sizes(gateway) == [0, 0]


async def test_a_batch_is_read_by_turns_that_end(gateway):
    to = await connected(gateway, "hubspot")
    event = {
        "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": 1794907800000,
        "subscriptionType": "deal.creation", "attemptNumber": 0,
    }  # fmt: skip
    for batch in range(7):
        events = [{**event, "eventId": n, "objectId": 1 + batch * 100 + n} for n in range(100)]
        await post(gateway, to.sent(events))
    turns = reader(gateway.runtime)
    assert await turns.turn()
    assert await became(gateway) == ["translated"] * 5 + ["stored"] * 2
    await read(gateway)
    assert (await stored(gateway), len(await told(gateway))) == (7, 700)
