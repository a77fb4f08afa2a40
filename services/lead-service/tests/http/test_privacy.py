"""Words stay in this service: planted in every text field, they are found in no event."""

from typing import Any

CANARY = "Canary-7f3a@example.org"


def words(n: int) -> str:
    return f"{CANARY} no {n:02}"


async def test_no_word_that_a_person_typed_leaves_the_service(caller: Any) -> None:
    person = await caller.made(
        "/v1/people",
        {
            "name": words(1),
            "email": CANARY,
            "kind": "rep",
            "external": {"source": "hr", "id": words(2)},
        },
    )
    account = await caller.made("/v1/accounts", {"name": words(3)})
    product = await caller.made("/v1/products", {"name": words(4)})
    campaign = await caller.made("/v1/campaigns", {"name": words(5)})
    money = {"amount_minor": 5, "currency": "EUR"}
    spend = {"on": "2026-01-01", "amount": money, "note": words(6)}
    await caller.made(f"/v1/campaigns/{campaign['id']}/spend", spend)

    body = {
        "name": words(7),
        "email": CANARY,
        "phone": CANARY,
        "company": words(8),
        "attributes": {words(9): words(10)},
        "external": {"source": words(11), "id": words(12)},
        "owner": person["id"],
    }
    lead = f"/v1/leads/{(await caller.made('/v1/leads', body))['id']}"
    patch = {"name": words(13), "attributes": {"a": words(14)}, "source": "web"}
    assert (await caller.send("PATCH", lead, patch, If_Match='"1"')).status_code == 200
    touch = {"side": "sales", "channel": "call", "note": words(15)}
    await caller.made(f"{lead}/touches", touch)
    await caller.made(f"{lead}/reject", {"reason_class": "clerical", "note": words(16)})
    await caller.made(f"{lead}/recycle", {"reason": "later", "note": words(17)})
    deal_body = {"name": words(18), "account": account["id"], "product": product["id"]}
    deal = f"/v1/deals/{(await caller.made(f'{lead}/convert', {'deal': deal_body}))['id']}"
    await caller.made(f"{deal}/stage", {"stage": "proposal", "evidence": words(19)})
    await caller.made(
        f"{deal}/lose", {"outcome": "ghosted", "reason": "silence", "note": words(20)}
    )
    await caller.made(f"{deal}/reopen", {"note": words(21)})
    win = {"lines": [{"id": "1", "revenue_minor": 9}], "note": words(22)}
    await caller.made(f"{deal}/win", win)
    await caller.made(f"{deal}/corrections", win | {"reason": "typo"})
    await caller.made(f"{deal}/refunds", {"fraction": "0.5", "note": words(23)})
    await caller.made(f"{deal}/payments", {"amount": money, "note": words(24)})
    activity = {"deal": deal.rpartition("/")[2], "kind": "call", "note": words(25)}
    await caller.made("/v1/activities", activity)
    await caller.made(f"{deal}/cancel", {"note": words(26)})

    other = f"/v1/leads/{(await caller.made('/v1/leads', {'name': words(27)}))['id']}"
    await caller.made(f"{other}/disqualify", {"reason": "no-need", "note": words(28)})
    row = {
        "key": words(29),
        "commands": [
            {
                "do": "lead.capture",
                "external": {"source": words(30), "id": words(31)},
                "name": words(32),
                "email": CANARY,
                "attributes": {"x": words(33)},
            }
        ],
    }
    result = await caller.made("/v1/batches", {"source": words(34), "items": [row]})
    assert result["items"][0]["status"] == "created"

    records = await caller.records()
    assert len(records) > 20
    assert not [record for record in records if b"Canary" in record]
    stored = repr(await caller.state())
    about_things = {2, 3, 4, 5, 11, 12, 18, 30, 31, 34}  # names of things and outside keys
    assert {n for n in range(1, 35) if words(n) in stored} == about_things
    assert "Canary" not in repr(await caller.rows("SELECT * FROM vault, subject_key"))

    shown = [
        (await caller.get(path)).text
        for path in (
            *(f"/v1/people/{person['id']}", lead, other, "/v1/leads", f"{lead}/timeline"),
            *(f"{deal}/timeline", "/v1/activities", f"{other}/timeline"),
            f"/v1/campaigns/{campaign['id']}/spend",
        )
    ]
    replaced = {7, 9, 10, 29}  # by the correction; a key of an import by its digest
    read = {n for n in range(1, 35) if words(n) in "".join(shown)}
    assert set(range(1, 35)) - about_things - replaced <= read, "what is sealed is read again"


async def test_a_problem_never_repeats_what_was_sent(caller: Any) -> None:
    for path, body in (
        ("/v1/leads", {"name": "x", "email": CANARY + "@@"}),
        ("/v1/leads", {CANARY: 1}),
        ("/v1/deals", {"stage": CANARY}),
        ("/v1/people", {"name": "x", "kind": CANARY}),
        ("/v1/batches", {"source": "s", "items": [{"key": "k", "commands": [{"do": CANARY}]}]}),
        ("/v1/leads/batch", {"items": [{"source": CANARY}]}),
    ):
        answer = await caller.post(path, body)
        assert "Canary" not in answer.text, answer.text
