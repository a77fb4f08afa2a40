"""Whoever sees numbers about groups only is told nothing about fewer than five people."""

import pytest

from onefunnel.reach import ALL, Rights

from .world import deal, line, noon, person, won

AGG = Rights(may=ALL, grouped=True)
SALES, FUNNEL, LEADS = "/v1/sales-performance", "/v1/funnel", "/v1/lead-utilization"
YEAR = {"from": "2026-01-01", "to": "2026-07-01"}


async def asked(metrics, path, status=200, **query):
    async with metrics.client("executive", rights=AGG) as client:
        answer = await client.get(path, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


async def staffed(metrics, **teams):
    """Tell of so many people in each team, each of whom created one deal in February."""
    await metrics.begin()
    people = [person(team=team or None) for team, n in teams.items() for _ in range(n)]
    deals = [deal(noon("2026-02-10"), owner=one.person_id) for one in people]
    await metrics.tell(*people, *deals)
    return people


def counted(answer):
    return {g["key"]: g["counts"]["opened"] for g in answer["groups"] if g["counts"]["opened"]}


async def test_a_team_under_five_is_left_out_with_another_so_that_the_whole_does_not_show_it(
    metrics,
):
    await staffed(metrics, large=7, middle=5, small=3)

    assert counted(await asked(metrics, SALES, group_by="team", **YEAR)) == {"large": 7}
    assert counted(await asked(metrics, SALES, **YEAR)) == {None: 15}


async def test_who_is_in_no_team_counts_as_a_group_too(metrics):
    await staffed(metrics, large=7, middle=5)
    alone = person()
    await metrics.tell(alone, deal(noon("2026-02-10"), owner=alone.person_id))

    assert counted(await asked(metrics, SALES, group_by="team", **YEAR)) == {"large": 7}


@pytest.mark.parametrize("path", [SALES, FUNNEL, LEADS])
async def test_days_cannot_be_subtracted_from_days(metrics, path):
    await staffed(metrics, large=7)

    asked_for = [
        ("2026-02-01", "2026-03-01"),
        ("2026-02-10", "2026-02-11"),
        ("2026-02-28", "2026-03-01"),
    ]
    answers = [
        (await asked(metrics, path, **{"from": first, "to": to}))["groups"]
        for first, to in asked_for
    ]

    assert answers[0] == answers[1] == answers[2]


async def test_a_team_that_was_small_in_one_month_is_in_no_window_with_it(metrics):
    await metrics.begin()
    stay = {"team": "north", "from": "2026-02-01"}
    left = [person(to="2026-02-28", **stay) for _ in range(3)]
    others = [person(**stay) for _ in range(2)] + [person(team="large") for _ in range(6)]
    deals = [deal(noon("2026-02-10"), owner=one.person_id) for one in (*left, *others)]
    await metrics.tell(*left, *others, *deals)

    shown = counted(await asked(metrics, SALES, group_by="team", **YEAR))

    assert "north" not in shown


@pytest.mark.parametrize(
    "query",
    [
        {"group_by": "person"},
        {"group_by": "manager"},
        {"group_by": "region"},
        {"team": "large"},
        {"person": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10"},
        {"group_by": "source", "team": "large"},
        {"group_by": "team", "source": "web"},
        {"group_by": "team", "account": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10"},
    ],
)
@pytest.mark.parametrize("path", [SALES, FUNNEL, LEADS])
async def test_people_are_put_together_in_one_way_and_filtered_in_none(metrics, path, query):
    await metrics.begin()

    refused = await asked(metrics, path, status=403, **query)

    assert refused["code"] == "forbidden"


async def test_each_measure_of_attainment_is_a_whole_of_its_own(metrics):
    """Of money only five have a quota in one team and two in the other; counts do not hide the two."""
    await metrics.begin()
    people = [person(team="a") for _ in range(5)] + [person(team="b") for _ in range(5)]
    await metrics.tell(*people)
    for one in (*people[:5], *people[5:7]):
        await quota(metrics, one, measure="revenue", amount_minor=100, currency="USD")
    for one in people[5:]:
        await quota(metrics, one, measure="count", count=3)
    await metrics.settle()

    answer = await asked(metrics, "/v1/quota-attainment", period="2026-02", group_by="team")

    assert {(g["key"], g["measure"]) for g in answer["groups"]} == {("b", "count")}
    assert answer["items"] == []


async def quota(metrics, of, **what):
    body = {"person": str(of.person_id), "period": "2026-02", **what}
    await metrics.post("/v1/compensation/quotas", body)


async def test_pay_of_one_is_not_there(metrics):
    (one, *_) = await staffed(metrics, large=7)
    made = deal(noon("2026-02-01"), owner=one.person_id)
    await metrics.tell(made, won(made, noon("2026-02-10"), line(100)))

    about = {"person": str(one.person_id), "period": "2026-02"}
    await asked(metrics, "/v1/quota-attainment", status=404, **about)
