"""Statements: every amount with all that led to it, in words that can be recomputed."""

import pytest

from onefunnel.ids import new_id

from .test_pay_commands import ASSIGNMENTS, PLANS, QUOTAS, plan
from .world import credit, deal, line, noon, person, refunded, won

STATEMENTS = "/v1/compensation/statements"


async def paid_by(metrics, *components, **more):
    """Begin a tenant with one person under a plan of these components."""
    await metrics.begin()
    rep = person()
    await metrics.tell(rep)
    made = await metrics.post(PLANS, plan(components=list(components), **more))
    body = {"person": str(rep.person_id), "plan": made["plan_id"], "from": "2026-01-01"}
    await metrics.post(ASSIGNMENTS, body)
    await metrics.settle()
    return rep.person_id


async def stated(metrics, payee, period="2026-01"):
    return await metrics.get(STATEMENTS, payee=str(payee), period=period)


def flat(measure="margin", rate="0.20", **more):
    return {"id": "comm", "measure": measure, "rate": rate, **more}


async def sell(metrics, rep, day, *lines, credited=()):
    made = deal(noon(day), owner=rep)
    await metrics.tell(made, won(made, noon(day), *lines, credited=credited))
    return made


async def test_a_line_carries_all_that_led_to_it(metrics):
    rep, other = await paid_by(metrics, flat()), new_id()
    shares = (credit(rep, "0.5"), credit(other, "0.5"))
    lines = (line(800_000, 600_000, list_minor=900_000, id="a", product_id=new_id()),)
    made = await sell(metrics, rep, "2026-01-05", *lines, credited=shares)

    answer = await stated(metrics, rep)

    (component,) = answer["components"]
    (found,) = component["lines"]
    assert found["deal"] == str(made.deal_id)
    assert (found["booked_on"], found["split"], found["roles"]) == ("2026-01-05", "0.5", ["owner"])
    assert found["deal_base"]["amount_minor"] == 200_000
    assert (found["before"]["amount_minor"], found["after"]["amount_minor"]) == (0, 100_000)
    assert found["tiers"] == [{"from": None, "rate": "0.2", "part": "100000", "amount": "20000"}]
    assert found["booked_lines"][0]["margin"]["amount_minor"] == 200_000
    assert len(found["cause_event_ids"]) == 1
    assert found["sentence"] == (
        "Margin of this deal: USD 2,000.00; your share of 50 % is USD 1,000.00."
        " 20 % of USD 1,000.00 is USD 200.00."
    )
    assert str(made.deal_id) in answer["refs"]["deal"]


async def test_a_discount_of_a_tenth_costs_a_margin_plan_a_quarter(metrics):
    """features.md 2.10: list 1,000, cost 600: 12.5 % of margin pays 50, and 37.50 after 10 % off."""
    rep = await paid_by(metrics, flat(rate="0.125"))
    await sell(metrics, rep, "2026-01-05", line(100_000, 60_000))
    await sell(metrics, rep, "2026-02-05", line(90_000, 60_000))

    full, cut = await stated(metrics, rep), await stated(metrics, rep, "2026-02")

    assert full["totals"][0]["total"]["amount_minor"] == 5_000
    assert cut["totals"][0]["total"]["amount_minor"] == 3_750


async def test_a_revenue_plan_shows_what_a_discount_costs_the_company(metrics):
    rep = await paid_by(metrics, flat("revenue", "0.05"))
    await sell(metrics, rep, "2026-01-05", line(100_000, 60_000))

    mirror = (await stated(metrics, rep))["mirror"]

    tenth = next(row for row in mirror["rows"] if row["discount"] == "0.100000")
    assert (tenth["kept_on_revenue"], tenth["kept_on_margin"]) == ("0.900000", "0.750000")
    assert "2.5 times" in mirror["sentence"]


async def test_a_marginal_table_is_told_step_by_step(metrics):
    table = [{"from": "0", "rate": "0.02"}, {"from": "20000", "rate": "0.03"}]
    tiers = {"basis": "amount", "mode": "marginal", "table": table}
    component = {"id": "comm", "measure": "revenue", "tiers": tiers}
    rep = await paid_by(metrics, component)
    await sell(metrics, rep, "2026-01-05", line(15_000))
    await sell(metrics, rep, "2026-01-06", line(10_000))

    lines = (await stated(metrics, rep))["components"][0]["lines"]

    assert lines[1]["sentence"].endswith(
        "It takes your month from USD 150.00 to USD 250.00:"
        " 2 % of USD 50.00 and 3 % of USD 50.00 is USD 2.50."
    )


async def test_a_retroactive_table_says_which_row_and_why(metrics):
    table = [{"from": "0", "rate": "0.05"}, {"from": "1", "rate": "0.08"}]
    tiers = {"basis": "attainment", "mode": "retroactive", "table": table}
    rep = await paid_by(metrics, {"id": "comm", "measure": "revenue", "tiers": tiers})
    quota = {"person": str(rep), "measure": "revenue", "component": "comm", "period": "2026-01"}
    await metrics.post(QUOTAS, {**quota, "amount_minor": 10_000})
    await metrics.settle()
    await sell(metrics, rep, "2026-01-05", line(12_500))

    component = (await stated(metrics, rep))["components"][0]

    assert component["attained"] is True
    assert component["lines"][0]["sentence"].endswith(
        "Your month as a whole decides: an attainment of 125 % puts all of it at 8 %,"
        " the row from 100 %. 8 % of USD 125.00 is USD 10.00."
    )


async def test_without_a_quota_the_first_row_pays_and_the_statement_says_so(metrics):
    table = [{"from": "0", "rate": "0.05"}, {"from": "1", "rate": "0.08"}]
    tiers = {"basis": "attainment", "mode": "retroactive", "table": table}
    rep = await paid_by(metrics, {"id": "comm", "measure": "revenue", "tiers": tiers})
    await sell(metrics, rep, "2026-01-05", line(12_500))

    component = (await stated(metrics, rep))["components"][0]

    assert component["total"]["amount_minor"] == 625
    assert "No quota" in component["note"]


async def test_a_line_of_nothing_says_why(metrics):
    rep = await paid_by(metrics, flat())
    await sell(metrics, rep, "2026-01-05", line(10_000))
    await sell(metrics, rep, "2026-01-06", line(10_000, 12_000))

    unknown, loss = (await stated(metrics, rep))["components"][0]["lines"]

    assert (unknown["reason"], unknown["amount"]["amount_minor"]) == ("cost-unknown", 0)
    assert "cost of 1 line is not known" in unknown["sentence"]
    assert (loss["reason"], loss["amount"]["amount_minor"]) == ("loss-counts-as-zero", 0)
    assert "below cost" in loss["sentence"]


async def test_an_assumed_cost_is_marked_with_its_size(metrics):
    rep = await paid_by(metrics, flat())
    await sell(metrics, rep, "2026-01-05", line(10_000, 6_000, cost_assumed=True))

    component = (await stated(metrics, rep))["components"][0]

    assert component["assumed"] == {
        "assumed": True,
        "n": 1,
        "amount": {"amount_minor": 6_000, "currency": "USD"},
    }
    assert "assumed" in component["lines"][0]["sentence"]


async def test_a_refund_shrinks_the_line_and_names_its_event(metrics):
    rep = await paid_by(metrics, flat())
    made = await sell(metrics, rep, "2026-01-05", line(10_000, 6_000))
    await metrics.tell(refunded(made, noon("2026-01-20"), "0.25"))

    answer = await stated(metrics, rep)

    (found,) = answer["components"][0]["lines"]
    assert (found["refunded"], found["amount"]["amount_minor"]) == ("0.25", 600)
    assert len(found["cause_event_ids"]) == 2
    assert "after paying back 25 %" in found["sentence"]
    assert answer["checks"][0]["equal"] is True


async def test_what_comes_after_the_close_is_retro_with_its_cause(metrics):
    rep = await paid_by(metrics, flat())
    await sell(metrics, rep, "2026-01-05", line(10_000, 6_000))
    await metrics.post("/v1/compensation/periods/2026-01/close", status=200)
    await metrics.settle()
    before = await stated(metrics, rep)
    await sell(metrics, rep, "2026-01-28", line(5_000, 1_000))

    january, february = await stated(metrics, rep), await stated(metrics, rep, "2026-02")

    assert january["closed"] is True
    assert january["totals"] == before["totals"]
    (retro,) = february["retro"]
    assert (retro["earned_period"], retro["amount"]["amount_minor"]) == ("2026-01", 800)
    assert retro["cause"]["type"] == "onefunnel.deal.won.v1"
    assert "2026-01, which was closed" in retro["sentence"]
    assert february["totals"][0]["total"]["amount_minor"] == 800


FRESHNESS = ("as_of", "lag_events", "stale")


def without_freshness(answer):
    return {name: value for name, value in answer.items() if name not in FRESHNESS}


async def test_a_closed_statement_never_changes(metrics):
    rep = await paid_by(metrics, flat())
    made = await sell(metrics, rep, "2026-01-05", line(10_000, 6_000))
    await metrics.post("/v1/compensation/periods/2026-01/close", status=200)
    await metrics.settle()
    closed = without_freshness(await stated(metrics, rep))

    await sell(metrics, rep, "2026-01-28", line(5_000, 1_000))
    await metrics.tell(refunded(made, noon("2026-02-03"), "0.5"))
    (known,) = (await metrics.get(PLANS))["items"]
    better = plan(plan_id=known["plan_id"], components=[flat(rate="0.50")])
    await metrics.post(PLANS, better)
    await metrics.settle()

    assert without_freshness(await stated(metrics, rep)) == closed
    assert closed["components"][0]["lines"][0]["amount"]["amount_minor"] == 800
    february = await stated(metrics, rep, "2026-02")
    retro = sum(entry["amount"]["amount_minor"] for entry in february["retro"])
    assert retro == 3_000 - 800  # half of 40 and all of 40 margin at 50 %, less what was posted


async def test_an_adjustment_shows_with_its_reason(metrics):
    rep = await paid_by(metrics, flat())
    body = {
        "person": str(rep),
        "at": "2026-01-10T12:00:00Z",
        "amount": {"amount_minor": -500, "currency": "USD"},
        "reason": "Paid twice in December",
    }
    await metrics.adjust(body)
    await metrics.settle()

    answer = await stated(metrics, rep)

    (adjustment,) = answer["adjustments"]
    assert adjustment["reasons"] == ["Paid twice in December"]
    assert answer["totals"][0] == {
        "currency": "USD",
        "earned": {"amount_minor": 0, "currency": "USD"},
        "retro": {"amount_minor": 0, "currency": "USD"},
        "adjustments": {"amount_minor": -500, "currency": "USD"},
        "total": {"amount_minor": -500, "currency": "USD"},
    }


async def test_a_deal_in_another_currency_earns_nothing_and_says_so(metrics):
    rep = await paid_by(metrics, flat())
    made = deal(noon("2026-01-05"), owner=rep)
    await metrics.tell(made, won(made, noon("2026-01-05"), line(100, 50), currency="EUR"))

    (found,) = (await stated(metrics, rep))["components"][0]["lines"]

    assert (found["reason"], found["amount"]["amount_minor"]) == ("other-currency", 0)


async def test_a_person_without_a_plan_has_an_empty_statement(metrics):
    await metrics.begin()

    answer = await stated(metrics, new_id())

    assert (answer["components"], answer["retro"]) == ([], [])
    assert answer["totals"][0]["total"]["amount_minor"] == 0


async def test_the_first_statement_of_a_new_plan_version_uses_it(metrics):
    rep = await paid_by(metrics, flat())
    await sell(metrics, rep, "2026-01-05", line(10_000, 6_000))
    (made,) = (await metrics.get(PLANS))["items"]
    component = flat(rate="0.10")
    await metrics.post(PLANS, plan(plan_id=made["plan_id"], components=[component]))
    await metrics.settle()

    answer = await stated(metrics, rep)

    assert answer["components"][0]["plan_version"] == 2
    assert answer["totals"][0]["total"]["amount_minor"] == 400


async def test_a_component_links_what_its_base_and_its_total_are_made_of(metrics):
    rep = await paid_by(metrics, flat())
    for day in ("2026-01-05", "2026-01-31"):
        await sell(metrics, rep, day, line(10_000, 6_000))

    component = (await stated(metrics, rep))["components"][0]

    base = await metrics.get(component["explain"]["base"])
    book = await metrics.get(component["explain"]["total"])
    assert base["value"] == component["base"]["amount_minor"] == 8_000
    posted = sum(entry["amount"]["amount_minor"] for entry in book["items"])
    assert posted == component["total"]["amount_minor"] == 1_600


async def test_the_book_is_listed_page_by_page(metrics):
    rep = await paid_by(metrics, flat())
    for day in range(1, 6):
        await sell(metrics, rep, f"2026-01-0{day}", line(10_000, 6_000))

    first = await metrics.get("/v1/compensation/ledger", payee=str(rep), limit=3)
    second = await metrics.get(
        "/v1/compensation/ledger", payee=str(rep), limit=3, cursor=first["next_cursor"]
    )

    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (3, 2, None)
    entries = first["items"] + second["items"]
    assert sum(e["amount"]["amount_minor"] for e in entries) == 4_000
    assert all(e["cause"]["type"] == "onefunnel.deal.won.v1" for e in entries)


@pytest.mark.parametrize("period", ["2026-13", "Q1", "2026-1"])
async def test_what_is_no_period_has_no_statement(metrics, period):
    await metrics.begin()

    await metrics.get(STATEMENTS, status=422, payee=str(new_id()), period=period)
