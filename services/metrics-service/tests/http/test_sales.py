"""Sales performance over HTTP."""

from onefunnel.ids import new_id

from .world import credit, deal, line, lost, noon, person, refunded, won

YEAR = {"from": "2026-01-01", "to": "2027-01-01"}


async def performance(metrics, **params):
    return await metrics.get("/v1/sales-performance", **{**YEAR, **params})


def by_key(answer):
    return {group["key"]: group for group in answer["groups"]}


async def test_counts_amounts_and_rates_have_their_denominators(metrics):
    """features.md 2.4: 20 won, 20 lost, 40 without a decision, 5 disqualified: win rate 0.25."""
    await metrics.begin()
    told = []
    for n in range(85):
        made = deal(noon("2026-02-01"), amount=1_000)
        told.append(made)
        if n < 20:
            told.append(won(made, noon("2026-03-01"), line(2_000, 1_200, list_minor=2_500)))
        elif n < 40:
            told.append(lost(made, noon("2026-03-01")))
        elif n < 80:
            told.append(lost(made, noon("2026-03-01"), "status_quo"))
        else:
            told.append(lost(made, noon("2026-03-01"), "disqualified"))
    await metrics.tell(*told)

    (group,) = (await performance(metrics))["groups"]

    assert group["counts"] == {
        "opened": 85, "open_now": 0, "won": 20, "lost": 20, "no_decision": 40, "disqualified": 5,
    }  # fmt: skip
    rate = group["win_rate"]
    assert (rate["value"], rate["numerator"], rate["denominator"]) == ("0.250000", 20, 80)
    assert rate["interval"]["method"] == "wilson"
    (usd,) = group["amounts"]
    assert usd["revenue"]["amount_minor"] == 40_000
    assert usd["win_rate"]["value"] == "0.400000"
    assert usd["discount"]["rate"]["value"] == "0.200000"
    assert usd["margin"]["rate"]["value"] == "0.400000"
    assert group["cycle"]["mean_days"]["value"] == "28.000000"
    assert group["cycle"]["spread"]["median_days"] == "28.000000"


async def test_amounts_of_two_currencies_are_never_added(metrics):
    await metrics.begin()
    euro, dollar = deal(noon("2026-02-01")), deal(noon("2026-02-01"))
    await metrics.tell(
        euro,
        won(euro, noon("2026-03-01"), line(100), currency="EUR"),
        dollar,
        won(dollar, noon("2026-03-01"), line(70)),
    )

    (group,) = (await performance(metrics))["groups"]

    assert group["counts"]["won"] == 2
    assert [a["revenue"] for a in group["amounts"]] == [
        {"amount_minor": 100, "currency": "EUR"},
        {"amount_minor": 70, "currency": "USD"},
    ]


async def test_who_sold_nothing_shows_with_zeros(metrics):
    await metrics.begin()
    idle, busy, boss = person(), person(), person("manager")
    made = deal(noon("2026-02-01"), owner=busy.person_id)
    await metrics.tell(idle, busy, boss, made, won(made, noon("2026-03-01"), line(100)))

    answer = await performance(metrics, group_by="person")

    found = by_key(answer)
    assert set(found) == {str(idle.person_id), str(busy.person_id)}
    assert found[str(idle.person_id)]["counts"]["won"] == 0
    assert found[str(idle.person_id)]["win_rate"]["reason"] == "zero-denominator"
    assert set(answer["refs"]["person"]) == set(found)


async def test_a_deal_counts_for_the_manager_of_its_day(metrics):
    await metrics.begin()
    first, second = new_id(), new_id()
    rep = person(manager_id=str(first), to="2026-03-31")
    moved_on = rep.model_copy(
        update={
            "memberships": (
                *rep.memberships,
                person(manager_id=str(second), **{"from": "2026-04-01"}).memberships[0],
            )
        }
    )
    told = [rep, moved_on]
    for day in ("2026-03-31", "2026-04-01", "2026-04-02"):
        made = deal(noon("2026-01-10"), owner=rep.person_id)
        told += [made, won(made, noon(day), line(100))]
    await metrics.tell(*told)

    found = by_key(await performance(metrics, group_by="manager"))

    assert found[str(first)]["counts"]["won"] == 1
    assert found[str(second)]["counts"]["won"] == 2
    filtered = await performance(metrics, manager=str(second))
    assert filtered["groups"][0]["counts"]["won"] == 2


async def test_a_product_counts_with_its_own_lines(metrics):
    await metrics.begin()
    one, two = new_id(), new_id()
    made = deal(noon("2026-02-01"), amount=300)
    lines = (line(100, product_id=one, id="a"), line(200, product_id=two, id="b"))
    await metrics.tell(made, won(made, noon("2026-03-01"), *lines))

    found = by_key(await performance(metrics, group_by="product"))

    revenue = {k: g["amounts"][0]["revenue"]["amount_minor"] for k, g in found.items() if k}
    assert revenue == {str(one): 100, str(two): 200}


async def test_two_dimensions_at_once_equal_the_naive_sum(metrics):
    await metrics.begin()
    reps = [person(region=region) for region in ("north", "south")]
    told, sold = list(reps), []
    for n in range(12):
        rep, source = reps[n % 2], ("web", "event", "web")[n % 3]
        made = deal(noon("2026-02-01"), owner=rep.person_id, source=source)
        told += [made, won(made, noon("2026-03-01"), line(10 + n))]
        sold.append((rep.memberships[0].region, source, 10 + n))
    await metrics.tell(*told)

    found = by_key(await performance(metrics, group_by="source", region="north"))

    for source in ("web", "event"):
        wanted = sum(amount for region, s, amount in sold if (region, s) == ("north", source))
        assert found[source]["amounts"][0]["revenue"]["amount_minor"] == wanted


async def test_two_dimensions_over_years_are_too_wide(metrics):
    await metrics.begin()

    problem = await metrics.get(
        "/v1/sales-performance",
        status=422,
        group_by="source",
        region="north",
        **{"from": "2024-01-01", "to": "2026-01-01"},
    )

    assert problem["code"] == "too-wide"


async def test_periods_are_local_and_named(metrics):
    await metrics.begin(time_zone="Pacific/Auckland")
    made = deal(noon("2026-01-10"))
    # Noon on the 31st in London is the 1st in Auckland.
    await metrics.tell(made, won(made, noon("2026-03-31").replace(hour=13), line(100)))

    answer = await performance(metrics, granularity="month")

    won_in = [g["period"] for g in answer["groups"] if g["counts"]["won"]]
    assert won_in == ["2026-04"]


async def test_an_assumed_cost_marks_every_margin_that_rests_on_it(metrics):
    await metrics.begin()
    made, other = deal(noon("2026-02-01")), deal(noon("2026-02-01"))
    lines = (line(100, 60, cost_assumed=True, id="a"), line(50, id="b"))
    await metrics.tell(
        made,
        won(made, noon("2026-03-01"), *lines),
        other,
        won(other, noon("2026-03-02"), line(10, 5)),
    )

    (group,) = (await performance(metrics))["groups"]

    margin = group["amounts"][0]["margin"]
    assert margin["amount"]["amount_minor"] == 45
    assert margin["uncosted_lines"] == 1
    assert margin["assumed"] == {
        "assumed": True,
        "n": 1,
        "amount": {"amount_minor": 60, "currency": "USD"},
    }


async def test_a_refund_is_told_apart(metrics):
    await metrics.begin()
    made = deal(noon("2026-02-01"))
    await metrics.tell(
        made, won(made, noon("2026-03-01"), line(100)), refunded(made, noon("2026-03-05"), "0.2")
    )

    (group,) = (await performance(metrics))["groups"]

    assert group["amounts"][0]["refunded"]["amount_minor"] == 20


async def test_a_deal_without_any_date_is_open_and_in_no_cohort(metrics):
    await metrics.begin()
    await metrics.tell(deal(None, amount=100))

    (group,) = (await performance(metrics))["groups"]

    assert (group["counts"]["opened"], group["counts"]["open_now"]) == (0, 1)
    assert group["amounts"][0]["open_now"]["amount_minor"] == 100


async def test_a_split_deal_counts_once_for_its_owner(metrics):
    await metrics.begin()
    one, two = person(), person()
    made = deal(noon("2026-02-01"), owner=one.person_id)
    shares = (credit(one.person_id, "0.5"), credit(two.person_id, "0.5"))
    await metrics.tell(one, two, made, won(made, noon("2026-03-01"), line(100), credited=shares))

    found = by_key(await performance(metrics, group_by="person"))

    assert found[str(one.person_id)]["counts"]["won"] == 1
    assert found[str(two.person_id)]["counts"]["won"] == 0
