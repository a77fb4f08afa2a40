"""One trace id from the request at the gateway to the turn that folds what came of it."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.main import build as build_gateway
from gateway.main import provision_tenant
from lead_service.main import build as build_lead
from metrics_service.main import build as build_metrics
from onefunnel import tracing
from onefunnel.service import work
from onefunnel.testing.waiting import until

SETTINGS = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


@asynccontextmanager
async def working(services, runtime):
    stop = asyncio.Event()
    task = asyncio.create_task(work(services, runtime, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def linked(spans) -> set[str]:
    turns = [s for s in spans.get_finished_spans() if s.name == "fold turn"]
    return {f"{link.context.trace_id:032x}" for turn in turns for link in turn.links}


@pytest.mark.parametrize("given", [GIVEN, None])
async def test_a_lead_is_followed_from_the_gateway_into_the_fold(make_runtime, spans, given):
    apps = {"lead": None}  # filled below: services are built on the runtime
    runtime = make_runtime("gateway", "lead_service", "metrics_service", apps=apps)
    lead, metrics, gateway = (b(runtime) for b in (build_lead, build_metrics, build_gateway))
    apps |= {"lead": lead.app, "metrics": metrics.app}
    made = await provision_tenant(runtime, "main", settings=SETTINGS)
    headers = {"Authorization": f"Bearer {made.keys['rep']}"}
    headers |= {"traceparent": given} if given else {}
    transport = httpx.ASGITransport(gateway.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers=headers
    ) as client:
        spans.clear()
        answer = await client.post("/v1/leads", json={"source": "web"})
    assert answer.status_code == 201, answer.text
    requests = [s for s in spans.get_finished_spans() if s.name == "POST /v1/leads"]
    (trace_id,) = {f"{s.context.trace_id:032x}" for s in requests}
    assert [s.attributes["onefunnel.service"] for s in requests] == ["lead-service", "gateway"]
    assert given is None or trace_id == given[3:35]
    async with working([lead, metrics], runtime):
        await until(lambda: trace_id in linked(spans))


def test_a_turn_links_to_no_more_traces_than_its_limit(spans):
    records = [
        b'{"traceparent":"00-%032x-%016x-01"}' % (n, n) for n in range(1, 2 * tracing.MAX_LINKS)
    ]
    with tracing.turn("fold turn", "metrics-service", [b"{", *records]):
        pass
    (turn,) = spans.get_finished_spans()
    assert len(turn.links) == tracing.MAX_LINKS
