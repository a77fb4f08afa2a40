"""One trace from the caller through the gateway to the service, whether or not spans are made."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onefunnel import tracing

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)


async def posted(gateway, traceparent):
    rep = await gateway.client("rep")
    headers = {"traceparent": traceparent} if traceparent else {}
    await rep.post("/v1/leads", json={"source": "web"}, headers=headers)
    return gateway.services.seen[-1]["headers"].get("traceparent")


async def test_a_callers_trace_reaches_the_service_where_no_spans_are_made(gateway):
    assert await posted(gateway, GIVEN) == GIVEN
    assert await posted(gateway, None) is None


@pytest.mark.parametrize("given", [GIVEN, None, "00-" + "0" * 32 + "-b7ad6b7169203331-01", "x"])
async def test_the_service_carries_on_from_the_gateways_span(gateway, spans, given):
    await posted(gateway, given)
    inner, outer = spans.get_finished_spans()[-2:]
    assert inner.parent.span_id == outer.context.span_id
    assert inner.context.trace_id == outer.context.trace_id
    continues = f"{outer.context.trace_id:032x}" == GIVEN[3:35]
    assert continues == (given == GIVEN)
    assert outer.name == "POST /v1/leads"
    assert outer.attributes["http.response.status_code"] == 201
