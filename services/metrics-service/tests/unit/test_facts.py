from datetime import timedelta
from itertools import permutations
from random import Random
from uuid import UUID

import pytest

from metrics_service.projections.calendar import micros
from metrics_service.projections.facts import (
    ASSET_TYPES,
    DEAL_TYPES,
    JOURNEY_TYPES,
    AssetFacts,
    DealFacts,
    JourneyFacts,
    dump,
    load_asset,
    load_deal,
    load_journey,
)
from metrics_service.projections.facts_journey import MAX_TOUCHES
from onefunnel.events import CATALOGUE, content, deal, lead, scoring
from onefunnel.events.fast import decode_data

from .telling import (
    AMY,
    BOB,
    DEAL,
    LEAD,
    NEW_YEAR,
    cancelled,
    captured,
    created,
    day,
    lost,
    moved,
    refunded,
    reopened,
    tell,
    told,
    won,
)

DEAL_STORY = [
    created(0, owner_id=AMY, source="web"),
    moved(5, "evaluation"),
    moved(6, "proposal", corrects=2),
    won(9),
    won(9, {"revenue_minor": 7}, version=2),
    refunded(20, "0.5"),
    refunded(20, "0.5"),
    reopened(30),
    lost(40),
]


def test_a_deals_facts_do_not_know_the_order_in_which_they_came() -> None:
    plain = dump(told(DealFacts(), *DEAL_STORY))
    numbered = list(enumerate(DEAL_STORY, start=1))
    for seed in range(200):
        order = [*numbered, *Random(seed).sample(numbered, 4)]
        Random(seed).shuffle(order)
        facts = DealFacts()
        for n, event in order:
            tell(facts, event, n)
        assert dump(facts) == plain


def test_a_leads_facts_do_not_know_how_their_feeds_interleaved() -> None:
    lead_feed = [
        captured(0, owner_id=AMY),
        lead.LeadAssigned(lead_id=LEAD, owner_id=BOB, assigned_at=day(1)),
        lead.LeadAccepted(lead_id=LEAD, accepted_by=BOB, accepted_at=day(2)),
    ]
    score_feed = [
        scoring.LeadScored(
            lead_id=LEAD, definition_version=1, fit="1", engagement="1", grade="A", scored_at=day(2)
        ),
        scoring.LeadQualified(lead_id=LEAD, definition_version=1, qualified_at=day(2)),
    ]
    numbered = [*enumerate(lead_feed, start=1), *enumerate(score_feed, start=1)]
    bytes_of = set()
    for order in permutations(numbered):
        facts = JourneyFacts()
        for n, event in order:
            tell(facts, event, n)
        bytes_of.add(dump(facts))
    assert len(bytes_of) == 1


def test_the_newest_version_of_a_booking_wins_whichever_arrives_first() -> None:
    first, second = won(9), won(9, {"revenue_minor": 7}, version=2)
    for order in permutations([(1, second), (2, first), (3, first)]):
        facts = DealFacts()
        for n, event in order:
            tell(facts, event, n)
        assert facts.booking is not None
        assert facts.booking.lines[0].revenue_minor == 7


def test_of_two_bookings_of_one_version_the_higher_event_id_wins() -> None:
    for order in permutations([(1, won(9)), (2, won(9, {"revenue_minor": 7}))]):
        facts = DealFacts()
        for n, event in order:
            tell(facts, event, n)
        assert facts.booking is not None
        assert facts.booking.lines[0].revenue_minor == 7


def test_labels_are_the_newest_by_sequence() -> None:
    updated = deal.DealUpdated(
        deal_id=DEAL,
        owner_id=BOB,
        amount=None,
        account_id=None,
        product_id=None,
        source="fair",
        campaign_id=None,
        segment=None,
        expected_close_on=None,
    )
    facts = DealFacts()
    tell(facts, updated, 2)
    tell(facts, created(0, owner_id=AMY, source="web"), 1)
    assert (facts.owner, facts.source) == (str(BOB), "fair")


def test_what_a_deal_began_with_may_become_known_later_in_whichever_order_it_arrives() -> None:
    names = deal.DealUpdated.model_fields.keys() - {"deal_id", "created_at", "origin"}
    labels = dict.fromkeys(names)
    origin = deal.Origin(lead_id=LEAD, source="web")
    learnt = deal.DealUpdated(deal_id=DEAL, **labels, created_at=day(3), origin=origin)
    silent = deal.DealUpdated(deal_id=DEAL, **labels)
    undated = created(0).model_copy(update={"created_at": None})
    found = []
    for order in permutations([(1, undated), (2, learnt), (3, silent)]):
        facts = DealFacts()
        for n, event in order:
            tell(facts, event, n)
        assert facts.origin is not None
        found.append((facts.created_at, facts.origin.source, [move.at for move in facts.moves]))
    assert found == [(micros(day(3)), "web", [micros(day(3))])] * 6


def test_when_a_lead_was_captured_and_qualified_may_become_known_later() -> None:
    captured = lead.LeadCaptured(lead_id=LEAD, captured_at=day(5))
    plain = {"lead_id": LEAD, "source": None, "campaign_id": None, "segment": None}
    learnt = lead.LeadUpdated(**plain, captured_at=day(2), qualified_at=day(4))
    for order in permutations([(1, captured), (2, learnt), (3, lead.LeadUpdated(**plain))]):
        facts = JourneyFacts()
        for n, event in order:
            tell(facts, event, n)
        assert facts.captured_at == micros(day(2))
        assert facts.imported_qualified_at == micros(day(4))


def test_only_human_touches_of_sales_are_kept_and_only_the_earliest() -> None:
    facts = JourneyFacts()
    for n in reversed(range(100)):
        for side, human in [("sales", True), ("sales", False), ("marketing", True)]:
            touch = lead.TouchRecorded(
                lead_id=LEAD,
                touch_id=UUID(int=n),
                touched_at=NEW_YEAR + timedelta(days=n),
                side=side,
                channel="call",
                human=human,
            )
            tell(facts, touch, n + 1)
    assert len(facts.touches) == MAX_TOUCHES
    assert facts.touches == sorted(facts.touches)
    assert facts.touches[0] == facts.touches[1] - 86_400_000_000


def test_a_new_version_of_an_asset_replaces_its_labels_but_not_its_first_day() -> None:
    asset = UUID(int=1)
    published = [
        content.ContentPublished(
            asset_id=asset, version=n, kind=f"k{n}", owner_id=AMY, published_at=day(n)
        )
        for n in (1, 2, 3)
    ]
    for order in permutations(enumerate(published, start=1)):
        facts = AssetFacts()
        for n, event in order:
            tell(facts, event, n)
        assert (facts.version, facts.kind) == (3, "k3")
        assert facts.first_published_at is not None
        assert dump(load_asset(dump(facts))) == dump(facts)


def test_facts_survive_being_kept() -> None:
    journey = told(JourneyFacts(), captured(0.5, source="web"))
    story = told(DealFacts(), *DEAL_STORY, cancelled(50))
    assert dump(load_journey(dump(journey))) == dump(journey)
    assert dump(load_deal(dump(story))) == dump(story)


def test_a_type_that_no_projection_needs_changes_nothing() -> None:
    facts = told(DealFacts(), created())
    before = dump(facts)
    activity = deal.ActivityLogged(deal_id=DEAL, activity_id=UUID(int=9), at=day(3), kind="call")
    tell(facts, activity, 2)
    facts.apply("onefunnel.deal.later.v9", object(), event_id=DEAL, sequence=3, time=NEW_YEAR)
    assert dump(facts) == before


@pytest.mark.parametrize("event", DEAL_STORY, ids=lambda event: type(event).__name__)
def test_the_fast_twins_of_events_are_taken_like_the_events(event: deal.DealCreated) -> None:
    type_ = next(type_ for type_, spec in CATALOGUE.items() if spec.model is type(event))
    twin = decode_data(type_, event.model_dump_json(by_alias=True).encode())
    plain, fast = DealFacts(), DealFacts()
    for facts, one in ((plain, event), (fast, twin)):
        facts.apply(type_, one, event_id=UUID(int=5), sequence=1, time=NEW_YEAR)
    assert dump(plain) == dump(fast)


def test_every_type_of_an_entity_is_known_to_it() -> None:
    feeds = {"lead": JOURNEY_TYPES, "lead_score": JOURNEY_TYPES, "lead_rating": JOURNEY_TYPES}
    feeds |= {"deal": DEAL_TYPES, "asset": ASSET_TYPES}
    for type_, spec in CATALOGUE.items():
        for aggregate, known in feeds.items():
            assert (type_ in known) or spec.aggregate != aggregate
