"""Utilization: leads that sales worked, assets that sales used."""

from datetime import timedelta

from onefunnel.events.content import ContentPublished, ContentRetired, ContentShared
from onefunnel.ids import new_id

from .test_funnel import TODAY
from .world import days, lead, person


async def test_worked_leads_over_delivered_leads(metrics):
    """features.md row 16: 100 delivered, 25 worked: 0.25. Automatic mail and late calls do not count."""
    await metrics.begin()
    at = TODAY - days(60)
    told = []
    for n in range(100):
        touched = at + days(3 if n < 25 else 20)
        told += lead(at, qualified=at, worked=touched, source=("web", "event")[n % 2])
    await metrics.tell(*told)

    (group,) = (await metrics.get("/v1/lead-utilization"))["groups"]

    assert (group["delivered"], group["worked"], group["still_open"]) == (100, 25, 0)
    assert group["utilization"]["value"] == "0.250000"
    explained = await metrics.get(group["utilization"]["explain"])
    assert explained["value"] == 25
    by_source = await metrics.get("/v1/lead-utilization", group_by="source")
    assert [g["delivered"] for g in by_source["groups"]] == [50, 50]


async def test_leads_handed_over_lately_may_still_be_worked(metrics):
    await metrics.begin()
    await metrics.tell(*lead(TODAY - days(5), qualified=TODAY - days(5)))

    (group,) = (await metrics.get("/v1/lead-utilization"))["groups"]

    assert (group["delivered"], group["still_open"]) == (1, 1)


async def test_no_lead_delivered_is_no_rate(metrics):
    await metrics.begin()

    (group,) = (await metrics.get("/v1/lead-utilization"))["groups"]

    assert group["utilization"]["reason"] == "zero-denominator"


def asset(published, *, kind="case study", **more):
    return ContentPublished(
        asset_id=new_id(), version=1, kind=kind, owner_id=None, published_at=published, **more
    )


def shared(of, by, at, **to):
    return ContentShared(
        asset_id=of.asset_id,
        version=1,
        share_id=new_id(),
        shared_by=by,
        shared_at=at,
        **(to or {"deal_id": new_id()}),
    )


async def test_assets_shared_on_a_deal_over_assets_that_were_there(metrics):
    await metrics.begin()
    rep, idle = person(), person()
    old = TODAY - days(80)
    used, unused, to_lead, young, retired, expired = (
        asset(old),
        asset(old),
        asset(old),
        asset(TODAY - days(10)),
        asset(TODAY - days(200)),
        asset(TODAY - days(200), expires_on=(TODAY - timedelta(days=85)).date()),
    )
    at = TODAY - days(5)
    await metrics.tell(
        rep, idle, used, unused, to_lead, young, retired, expired,
        ContentRetired(asset_id=retired.asset_id, retired_at=TODAY - days(80)),
        shared(used, rep.person_id, at),
        shared(used, rep.person_id, at + timedelta(hours=1)),
        shared(to_lead, rep.person_id, at, lead_id=new_id()),
        shared(young, rep.person_id, at),
    )  # fmt: skip

    answer = await metrics.get("/v1/content-utilization")

    (group,) = answer["groups"]
    assert (group["active"], group["used"], group["shares"]) == (3, 1, 3)
    assert group["utilization"]["value"] == "0.333333"
    assert set(answer["unused"]) == {str(unused.asset_id), str(to_lead.asset_id)}
    assert answer["adoption"]["value"] == "0.500000"
    explained = await metrics.get(group["utilization"]["explain"])
    assert [item["id"] for item in explained["items"]] == [str(used.asset_id)]


async def test_how_long_an_asset_must_have_been_there_can_be_said(metrics):
    await metrics.begin()
    await metrics.tell(asset(TODAY - days(10)))

    answer = await metrics.get("/v1/content-utilization", active_days=5, group_by="kind")

    assert [(g["key"], g["active"]) for g in answer["groups"]] == [("case study", 1)]
