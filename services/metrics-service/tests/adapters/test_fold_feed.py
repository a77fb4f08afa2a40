"""What a turn takes from the log: money first, ahead of time, and never from a wrong position."""

from uuid import UUID

from metrics_service.application.fold_feed import Feed
from onefunnel.events.topics import DEAL, LEAD, PAY
from onefunnel.log.ownership import Claim
from onefunnel.log.port import Partition

from .list_log import LOG_ID, ListLog

PLACES = [Partition(topic, n) for topic in (PAY, DEAL, LEAD) for n in range(12)]


def claims(**positions: int) -> dict[Partition, Claim]:
    return {place: Claim(place, 1, 0, LOG_ID, None) for place in PLACES}


def filled(counts: dict[Partition, int]) -> ListLog:
    log = ListLog()
    for place, count in counts.items():
        log.records[place] = [b"no event"] * count
    return log


def feed(log: ListLog, events: int = 1_000) -> Feed:
    return Feed(log, events=events, max_bytes=10**9, wait_s=0)


async def drained(log: ListLog, events: int = 1_000) -> list[dict[Partition, int]]:
    """Take everything, and return how many records each turn took from which partition."""
    one, mine, turns = feed(log, events), claims(), []
    while portions := await one.next(mine):
        turns.append({p.partition: p.next_position - p.position for p in portions})
        one.look_ahead(mine, portions)
        for p in portions:
            mine[p.partition] = Claim(p.partition, 1, p.next_position, LOG_ID, None)
    await one.drop()
    return turns


async def test_a_flood_of_leads_does_not_hold_up_deals() -> None:
    log = filled({place: 30 if place.topic != LEAD else 3_000 for place in PLACES})
    turns = await drained(log)
    assert {place.topic for place in turns[0]} == {PAY, DEAL, LEAD}
    assert all({place.topic for place in turn} == {LEAD} for turn in turns[1:])


async def test_everything_is_taken_once_and_in_order() -> None:
    log = filled({place: 37 * n for n, place in enumerate(PLACES)})
    taken: dict[Partition, int] = {}
    for turn in await drained(log, events=100):
        for place, count in turn.items():
            taken[place] = taken.get(place, 0) + count
    assert taken == {place: 37 * n for n, place in enumerate(PLACES) if n}


async def test_what_was_read_ahead_is_not_used_from_another_position() -> None:
    log = filled({PLACES[0]: 30})
    one, mine = feed(log, events=10), claims()
    portions = await one.next(mine)
    one.look_ahead(mine, portions)

    again = await one.next(mine)  # the turn failed: the claims stand where they stood

    assert again[0].position == 0
    assert again[0].items[0].what.event_id is None or isinstance(
        again[0].items[0].what.event_id, UUID
    )
