"""The funnel over HTTP, against naive recounts of the facts."""

from datetime import UTC, datetime

from onefunnel.ids import new_id

from .world import days, deal, lead, lost, moved, noon, won

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def steps(answer, group=0):
    return {step["step"]: step for step in answer["groups"][group]["steps"]}


async def test_what_is_too_early_to_say_is_not_counted_as_lost(metrics):
    """features.md 2.1: 60 mature of which 24 converted, 40 immature of which 6 did: 0.40, not 0.30."""
    await metrics.begin()
    old, new = TODAY - days(40), TODAY - days(20)
    leads = []
    for n in range(60):
        leads += lead(old, qualified=old, accepted=old + days(3) if n < 24 else None)
    for n in range(40):
        leads += lead(new, qualified=new, accepted=new + days(3) if n < 6 else None)
    await metrics.tell(*leads)

    answer = await metrics.get("/v1/funnel", **{"from": f"{(TODAY - days(60)).date()}"})

    mql = steps(answer)["mql"]
    assert (mql["entered"], mql["mature"]["n"], mql["mature"]["converted"]) == (100, 60, 24)
    assert mql["conversion"]["value"] == "0.400000"
    assert (mql["converted"], mql["lost"], mql["expired"], mql["not_yet"]) == (30, 0, 36, 34)
    assert mql["converted"] + mql["lost"] + mql["expired"] + mql["not_yet"] == mql["entered"]


async def test_a_step_without_entries_has_no_rate_and_says_why(metrics):
    await metrics.begin()

    answer = await metrics.get("/v1/funnel")

    conversion = steps(answer)["mql"]["conversion"]
    assert (conversion["value"], conversion["reason"]) == (None, "zero-denominator")


async def test_a_snapshot_compares_entries_of_the_same_days(metrics):
    """features.md 2.1: 80 MQL and 50 SAL entries in March are 0.625, whoever they were."""
    await metrics.begin()
    march, before = noon("2026-03-10"), noon("2026-02-20")
    leads = []
    for _ in range(80):
        leads += lead(march, qualified=march)
    for _ in range(50):
        leads += lead(before, qualified=before, accepted=march)
    await metrics.tell(*leads)

    answer = await metrics.get(
        "/v1/funnel", method="snapshot", **{"from": "2026-03-01", "to": "2026-04-01"}
    )

    assert steps(answer)["mql"]["conversion"]["value"] == "0.625000"
    assert steps(answer)["mql"]["converted"] is None


async def test_the_funnel_equals_a_naive_recount(metrics):
    await metrics.begin()
    start = TODAY - days(300)
    leads, told = [], []
    for n in range(40):
        at = start + days(3 * n)
        acts = {
            "qualified": at + days(5) if n % 2 == 0 else None,
            "accepted": at + days(20) if n % 4 == 0 else None,
            "disqualified": at + days(9) if n % 4 == 2 else None,
        }
        source = ("web", "event", None)[n % 3]
        told += lead(at, source=source, **acts)
        leads.append((source, at, acts))
    await metrics.tell(*told)

    answer = await metrics.get(
        "/v1/funnel", group_by="source", **{"from": f"{(TODAY - days(350)).date()}"}
    )

    assert [g["key"] for g in answer["groups"]] == ["", "event", "web"]
    for n, source in enumerate((None, "event", "web")):
        mine = [acts for s, _, acts in leads if s == source]
        found = steps(answer, n)
        qualified = [a for a in mine if a["qualified"]]
        assert found["lead"]["entered"] == len(mine)
        assert found["lead"]["converted"] == len(qualified)
        assert found["mql"]["entered"] == len(qualified)
        assert found["mql"]["converted"] == sum(1 for a in qualified if a["accepted"])
        assert found["mql"]["lost"] == sum(1 for a in qualified if a["disqualified"])
        assert found["mql"]["of_first"]["value"] == f"{len(qualified) / len(mine):.6f}"


async def test_deal_steps_have_owners_amounts_and_times(metrics):
    await metrics.begin()
    at = TODAY - days(100)
    first, second = deal(at, amount=10_000), deal(at, amount=5_000, currency="EUR")
    await metrics.tell(
        first,
        moved(first, "proposal", at + days(10)),
        won(first, at + days(30)),
        second,
        lost(second, at + days(4)),
    )

    answer = await metrics.get("/v1/funnel")

    found = steps(answer)
    assert [found[s]["owner"] for s in ("mql", "sal", "discovery")] == [
        "marketing",
        "sales",
        "sales",
    ]
    assert found["discovery"]["amounts"] == [
        {"amount_minor": 5_000, "currency": "EUR"},
        {"amount_minor": 0, "currency": "USD"},
    ]
    assert (found["evaluation"]["entered"], found["evaluation"]["imputed"]) == (1, 1)
    assert found["discovery"]["time_in_step"] == {
        "n": 2,
        "median_days": "7.000000",
        "p90_days": 10,
        "reason": None,
    }
    assert found["won"]["conversion"] is None


async def test_every_answer_says_how_fresh_it_is(metrics):
    await metrics.begin()

    answer = await metrics.get("/v1/funnel")

    assert answer["lag_events"] == 0
    assert answer["stale"] is False
    assert answer["definitions"] == {"funnel": "default v1"}
    assert answer["as_of"] <= datetime.now(UTC).isoformat().replace("+00:00", "Z")


async def test_an_unknown_parameter_is_refused(metrics):
    await metrics.begin()

    problem = await metrics.get("/v1/funnel", status=422, since="2026-01-01")

    assert problem["code"] == "validation-failed"


async def test_the_past_is_not_asked_as_of(metrics):
    await metrics.begin()

    await metrics.get("/v1/funnel", status=422, as_of="2026-01-01T00:00:00Z")


async def test_the_funnel_of_a_product_has_no_limit_of_days(metrics):
    await metrics.begin()
    one, two, at = new_id(), new_id(), TODAY - days(900)
    told = []
    for n, product in enumerate((one, one, two)):
        made = deal(at, product=product, amount=100)
        told += [made, won(made, at + days(30 * (n + 1)))]
    await metrics.tell(*told, *lead(at))

    answer = await metrics.get(
        "/v1/funnel", group_by="product", **{"from": f"{(TODAY - days(1000)).date()}"}
    )

    entered = {g["key"]: steps(answer, n)["won"]["entered"] for n, g in enumerate(answer["groups"])}
    assert entered == {str(one): 2, str(two): 1}
    filtered = await metrics.get(
        "/v1/funnel", product=str(one), **{"from": f"{(TODAY - days(1000)).date()}"}
    )
    assert steps(filtered)["discovery"]["entered"] == 2
