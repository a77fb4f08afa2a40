"""What scoring does about leads and views, on a real PostgreSQL under the worker's role."""

import random
from datetime import timedelta

from onefunnel.events.content import ContentPublished, ContentViewed, PageView
from onefunnel.events.lead import LeadCaptured, LeadUpdated, TouchRecorded
from onefunnel.ids import new_id


def captured(scoring, lead, **extra) -> LeadCaptured:
    at = scoring.clock.at - timedelta(days=30)
    fields = {"captured_at": at, "source": "web", "segment": "emea"} | extra
    return LeadCaptured(lead_id=lead, **fields)


def touched(scoring, lead, channel: str, *, days_ago: float = 0) -> TouchRecorded:
    at = scoring.clock.at - timedelta(days=days_ago)
    return TouchRecorded(
        lead_id=lead, touch_id=new_id(), touched_at=at, side="marketing", channel=channel
    )


def viewed(scoring, lead, asset, **extra) -> ContentViewed:
    fields = {
        "viewer_id": lead or new_id(),
        "view_id": new_id(),
        "asset_id": asset,
        "version": 1,
        "lead_id": lead,
        "viewed_at": scoring.clock.at,
        "pages": (PageView(page=1, duration_ms=30_000),),
    }
    return ContentViewed(**(fields | extra))


def published(scoring, asset, kind: str, version: int = 1) -> ContentPublished:
    return ContentPublished(
        asset_id=asset, version=version, kind=kind, owner_id=None, published_at=scoring.clock.at
    )


async def score(scoring, lead, **params) -> dict:
    async with scoring.client("manager") as manager:
        answer = await manager.get(f"/v1/leads/{lead}/score", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def good_fit(scoring, lead) -> None:
    async with scoring.client("admin") as admin:
        body = {"attributes": {"employees": 300, "role": "it_director"}}
        answer = await admin.post(f"/v1/leads/{lead}/attributes", json=body)
    assert answer.status_code == 200, answer.text


async def test_a_lead_that_asks_for_a_demo_is_scored_and_qualified_once(scoring):
    lead = new_id()
    await scoring.agree()
    await scoring.hear(captured(scoring, lead))
    await good_fit(scoring, lead)
    await scoring.hear(touched(scoring, lead, "demo", days_ago=1), touched(scoring, lead, "demo"))
    assert await scoring.types() == [
        "definition.activated", "lead.scored", "lead.scored",
        "lead.scored", "lead.qualified", "lead.scored",
    ]  # fmt: skip
    sequences = [
        e.sequence for e, _ in await scoring.published() if e.aggregatetype == "lead_score"
    ]
    assert sequences == ["1", "2", "3", "4", "5"]
    found = await score(scoring, lead)
    assert (found["fit"], found["grade"], found["qualified"]) == ("75", "A1", True)
    assert found["qualified_version"] == 1


async def test_what_was_published_says_what_caused_it(scoring):
    lead = new_id()
    await scoring.agree()
    await scoring.hear(captured(scoring, lead))
    envelope, event = (await scoring.published())[-1]
    assert (envelope.actorid, envelope.source) == ("system:scoring", "/services/scoring-service")
    assert envelope.causationid is not None
    assert envelope.tenantid == scoring.tenant
    assert event.scored_at == scoring.clock.at - timedelta(days=30)


async def test_an_import_that_calls_a_lead_qualified_needs_no_definition(scoring):
    lead, at = new_id(), scoring.clock.at - timedelta(days=3)
    await scoring.hear(captured(scoring, lead, qualified_at=at))
    [(_, event)] = await scoring.published()
    assert (event.lead_id, event.definition_version, event.qualified_at) == (lead, None, at)


async def test_without_a_definition_a_lead_is_known_and_has_no_score(scoring):
    lead = new_id()
    await scoring.hear(captured(scoring, lead), touched(scoring, lead, "demo"))
    found = await score(scoring, lead)
    assert (found["fit"], found["grade"], found["reason"]) == (None, None, "no-definition-in-force")
    assert await scoring.outbox() == []


async def test_a_view_counts_once_by_the_kind_of_its_asset_and_never_for_a_machine(scoring):
    lead, asset = new_id(), new_id()
    await scoring.agree()
    one = viewed(scoring, lead, asset)
    await scoring.hear(
        published(scoring, asset, "pricing", version=2),
        published(scoring, asset, "blog", version=1),
        one,
        one,
        viewed(scoring, lead, asset, bot=True),
        viewed(scoring, None, asset),
    )
    found = await score(scoring, lead)
    assert found["engagement"] == "15"
    assert [r["rule"] for r in found["reasons"]] == ["pricing"]


async def test_a_view_first_taken_for_a_machine_counts_when_it_proves_not_to_be(scoring):
    lead, asset, view = new_id(), new_id(), new_id()
    await scoring.agree()
    await scoring.hear(
        published(scoring, asset, "pricing"),
        viewed(scoring, lead, asset, view_id=view, bot=True),
        viewed(scoring, lead, asset, view_id=view, bot=False),
    )
    assert (await score(scoring, lead))["engagement"] == "15"


async def test_what_is_corrected_changes_the_fit(scoring):
    lead = new_id()
    await scoring.agree()
    await scoring.hear(captured(scoring, lead))
    assert (await score(scoring, lead))["fit"] == "25"
    await scoring.hear(LeadUpdated(lead_id=lead, source="web", campaign_id=None, segment="apac"))
    assert (await score(scoring, lead))["fit"] == "0"


async def test_the_final_score_does_not_depend_on_the_order_of_arrival(scoring):
    leads, asset = [new_id() for _ in range(4)], new_id()
    await scoring.agree()
    await scoring.hear(published(scoring, asset, "pricing"))
    channels = ["webinar", "email", "email", "unsubscribed", "demo", "webinar"]
    for n, lead in enumerate(leads):
        events = [
            touched(scoring, lead, channel, days_ago=days) for days, channel in enumerate(channels)
        ]
        events.append(viewed(scoring, lead, asset))
        random.Random(n).shuffle(events)
        await scoring.hear(captured(scoring, lead), *events)
    rows = await scoring.owner.fetch("SELECT fit, engagement, grade, scored_at FROM lead_score")
    assert len(rows) == 4
    assert len(set(rows)) == 1


async def test_a_lead_of_one_tenant_is_not_known_to_another(scoring):
    lead, other = new_id(), new_id()
    await scoring.agree()
    await scoring.hear(captured(scoring, lead), touched(scoring, lead, "demo"))
    async with scoring.client("manager", tenant=other) as stranger:
        assert (await stranger.get(f"/v1/leads/{lead}/score")).status_code == 404
    await scoring.hear(captured(scoring, lead), tenant=other)
    assert (await score(scoring, lead))["engagement"] == "60"
    rows = await scoring.owner.fetch("SELECT tenant_id, definition_version FROM lead_score")
    assert {(r[0], r[1]) for r in rows} == {(scoring.tenant, 1), (other, None)}


async def test_the_app_role_sees_nothing_without_a_tenant(scoring):
    await scoring.agree()
    await scoring.hear(captured(scoring, new_id()))
    async with scoring.requests.tenant(new_id()) as conn:
        for table in ("lead_score", "definition", "definition_version", "activity"):
            rows = await conn.exec_driver_sql(f"SELECT count(*) FROM {table}")
            assert rows.scalar_one() == 0, table
