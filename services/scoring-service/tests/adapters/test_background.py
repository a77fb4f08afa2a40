"""The whole path of scoring on a real log: events in, reactions, outbox, relay, events out."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from onefunnel.events.envelope import decode, encode
from onefunnel.events.fast import decode_data
from onefunnel.events.lead import LeadCaptured, TouchRecorded
from onefunnel.events.topics import LEAD, SCORING
from onefunnel.ids import new_id
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Outgoing
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.testing.small_service import everything
from onefunnel.testing.waiting import until
from scoring_service.main import build

PARTITIONS = 12


@pytest.fixture
async def log(fresh_database, open_database):
    made = PostgresLog(open_database(fresh_database("onefunnel.log").worker_url))
    yield made
    await made.close()


@asynccontextmanager
async def working(scoring, log):
    """Run what scoring runs in its background."""
    stop = asyncio.Event()
    service = build(replace(scoring.runtime, log=log))
    tasks = [asyncio.create_task(run(stop)) for run in service.background]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def deliver(scoring, log, *events, times: int = 1) -> None:
    """Append events of lead-service, each as often as a relay that died might."""
    metadata = replace(scoring.metadata(), source="/services/lead-service")
    records = [
        Outgoing(LEAD, partition_of(record.key, PARTITIONS), record.key, record.value)
        for record in encode(events, metadata)
    ]
    writer = await log.open_writer("/services/lead-service", 1)
    await writer.append(records * times)
    await writer.close()


async def scored(log) -> list:
    """Return everything that scoring has published, by type and event."""
    envelopes = [decode(value) for value in await everything(log, SCORING)]
    return [(e.type, decode_data(e.type, e.data)) for e in envelopes]


async def test_a_lead_delivered_twice_is_scored_and_qualified_once_on_the_log(scoring, log):
    lead = new_id()
    await scoring.agree()
    async with scoring.client("admin") as admin:
        body = {"attributes": {"employees": 300, "role": "it_director"}}
        await admin.post(f"/v1/leads/{lead}/attributes", json=body)
    at = scoring.clock.at - timedelta(days=1)
    captured = LeadCaptured(lead_id=lead, captured_at=at, source="web", segment="emea")
    demo = TouchRecorded(
        lead_id=lead,
        touch_id=new_id(),
        touched_at=scoring.clock.at,
        side="marketing",
        channel="demo",
    )
    await deliver(scoring, log, captured, demo, times=3)

    async with working(scoring, log):

        async def qualified() -> bool:
            return any("qualified" in type_ for type_, _ in await scored(log))

        await until(qualified)

        async def sent() -> bool:
            return not await scoring.outbox()

        await until(sent)
    found = [event for type_, event in await scored(log) if "qualified" in type_]
    assert [(e.lead_id, e.qualified_at) for e in found] == [(lead, scoring.clock.at)]
    assert await scoring.owner.fetchval("SELECT count(*) FROM inbox") == 2
    assert await scoring.owner.fetchval("SELECT count(*) FROM activity") == 1
