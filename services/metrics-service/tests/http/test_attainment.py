"""Attainment: exact, prorated, and together."""

from onefunnel.ids import new_id

from .test_pay_commands import ASSIGNMENTS, PLANS, QUOTAS, plan
from .test_statements import flat, paid_by, sell
from .world import credit, deal, line, noon, person, won

ATTAINMENT = "/v1/quota-attainment"


async def quota(metrics, rep, amount, **more):
    body = {"person": str(rep), "measure": "revenue", "period": "2026-01", "amount_minor": amount}
    await metrics.post(QUOTAS, {**body, **more})
    await metrics.settle()


async def test_exactly_all_of_it_is_attained_and_a_cent_less_is_not(metrics):
    await metrics.begin()
    exact, short = person(), person()
    await metrics.tell(exact, short)
    for rep, amount in ((exact, 10_000_000), (short, 9_999_999)):
        await quota(metrics, rep.person_id, 10_000_000)
        await sell(metrics, rep.person_id, "2026-01-05", line(amount))

    answer = await metrics.get(ATTAINMENT, period="2026-01")

    found = {item["person"]: item for item in answer["items"]}
    assert found[str(exact.person_id)]["attained"] is True
    assert found[str(short.person_id)]["attained"] is False
    assert found[str(short.person_id)]["attainment"]["value"] == "0.999999"
    (team,) = answer["groups"]
    assert team["at_quota"]["value"] == "0.500000"


async def test_split_deals_are_credited_by_their_part(metrics):
    """features.md row 46: ten at a half and five whole are ten, not fifteen."""
    await metrics.begin()
    rep, other = person(), person()
    await metrics.tell(rep, other)
    await quota(metrics, rep.person_id, 1_000)
    for n in range(15):
        halves = (credit(rep.person_id, "0.5"), credit(other.person_id, "0.5"))
        made = deal(noon("2026-01-05"), owner=rep.person_id)
        shares = halves if n < 10 else (credit(rep.person_id),)
        await metrics.tell(made, won(made, noon("2026-01-05"), line(100), credited=shares))

    (item,) = (await metrics.get(ATTAINMENT, period="2026-01"))["items"]

    assert (item["credited"], item["attainment"]["value"]) == (1_000, "1.000000")


async def test_a_quota_is_prorated_to_the_days_of_the_plan_exactly(metrics):
    await metrics.begin()
    rep = person()
    await metrics.tell(rep)
    made = await metrics.post(PLANS, plan(components=[flat("revenue", "0.1")]))
    body = {"person": str(rep.person_id), "plan": made["plan_id"], "from": "2026-01-22"}
    await metrics.post(ASSIGNMENTS, body)
    await quota(metrics, rep.person_id, 1_000)

    (item,) = (await metrics.get(ATTAINMENT, period="2026-01"))["items"]

    assert (item["eligible_days"], item["period_days"]) == (10, 31)
    assert item["prorated"] == "10000/31"
    (team,) = (await metrics.get(ATTAINMENT, period="2026-01"))["groups"]
    assert (team["part_of_the_period"], team["at_quota"]["reason"]) == (1, "zero-denominator")


async def test_a_margin_quota_counts_margin(metrics):
    rep = await paid_by(metrics, flat())
    await quota(metrics, rep, 1_000, measure="margin")
    await sell(metrics, rep, "2026-01-05", line(2_000, 1_500))

    (item,) = (await metrics.get(ATTAINMENT, period="2026-01"))["items"]

    assert (item["credited"], item["attainment"]["value"]) == (500, "0.500000")


async def test_a_count_quota_counts_deals(metrics):
    rep = await paid_by(metrics, flat())
    body = {"person": str(rep), "measure": "count", "period": "2026-01", "count": 4}
    await metrics.post(QUOTAS, body)
    await metrics.settle()
    await sell(metrics, rep, "2026-01-05", line(2_000, 1_500))

    (item,) = (await metrics.get(ATTAINMENT, period="2026-01"))["items"]

    assert (item["credited"], item["currency"], item["attainment"]["value"]) == (
        1,
        None,
        "0.250000",
    )


async def test_a_team_is_the_sum_of_its_people(metrics):
    await metrics.begin()
    reps = [person(team="blue"), person(team="blue"), person(team="red")]
    await metrics.tell(*reps)
    for n, rep in enumerate(reps, start=1):
        await quota(metrics, rep.person_id, 1_000)
        await sell(metrics, rep.person_id, "2026-01-05", line(500 * n))

    answer = await metrics.get(ATTAINMENT, period="2026-01", group_by="team")

    found = {group["key"]: group for group in answer["groups"]}
    assert found["blue"]["attainment"]["value"] == "0.750000"
    assert found["red"]["attainment"]["value"] == "1.500000"


async def test_what_is_credited_can_be_explained(metrics):
    rep = await paid_by(metrics, flat())
    await quota(metrics, rep, 1_000)
    await sell(metrics, rep, "2026-01-05", line(300, 100))
    await sell(metrics, rep, "2026-01-31", line(400, 100))
    await sell(metrics, rep, "2026-02-01", line(900, 100))

    (item,) = (await metrics.get(ATTAINMENT, period="2026-01"))["items"]
    found = await metrics.get(item["attainment"]["explain"])

    assert found["value"] == item["credited"] == 700
    assert len(found["items"]) == 2


async def test_nobody_has_a_quota_in_an_empty_period(metrics):
    await metrics.begin()

    answer = await metrics.get(ATTAINMENT, period="2026-Q1", person=str(new_id()))

    assert (answer["items"], answer["groups"]) == ([], [])
