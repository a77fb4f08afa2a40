"""Traces: one follows an event from the request through outbox and log into the turn that folds it.

A trace travels as W3C `traceparent`: in the header between services, in the envelope beyond. Spans are
made only where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and the SDK is imported only there; whatever
a caller sends travels on in any case (ADR 0019).
"""

import os
import re
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Span, SpanContext, Tracer

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADER: Final = b"traceparent"
MAX_LINKS: Final = 64  # of a turn, which may hold a thousand events

_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)


class _Carrier(msgspec.Struct):
    traceparent: str | None = None


_carried: Final = msgspec.json.Decoder(_Carrier).decode
_tracers: list["Tracer"] = []  # none, or the one of this process


def start(service: str) -> None:
    """Export spans as `service` if the environment names where to."""
    if not os.environ.get(ENDPOINT):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: "TracerProvider | None") -> None:
    """Make spans with `provider` from now on; with None, none any more."""
    _tracers[:] = [provider.get_tracer("onefunnel")] if provider else []


def valid(traceparent: str) -> str | None:
    """Return a `traceparent` if it is one."""
    return traceparent if _TRACEPARENT.fullmatch(traceparent) else None


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace that a `traceparent` belongs to."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else None


@contextmanager
def request(scope: MutableMapping[str, Any], service: str) -> Iterator[str | None]:
    """Span one request, and give the id of its trace.

    The span takes its parent's place in the request's headers: who is called from here, and what is
    published, carries on from it.
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    given = [value.decode("latin-1") for name, value in headers if name == HEADER]
    parent = valid(given[0]) if len(given) == 1 else None
    if not _tracers:
        yield trace_id_of(parent)
        return
    with _span(f"{scope['method']}", "server", parent=parent) as span:
        span.set_attribute("onefunnel.service", service)
        span.set_attribute("http.request.method", scope["method"])
        own = _text(span.get_span_context())
        scope["headers"] = [h for h in headers if h[0] != HEADER] + [(HEADER, own.encode())]
        yield trace_id_of(own)


def answered(status: int, route: str, method: str) -> None:
    """Name the request's span by what was found, and say how it was answered."""
    if _tracers:
        from opentelemetry import trace

        span = trace.get_current_span()
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)


@contextmanager
def turn(name: str, service: str, records: Iterable[bytes]) -> Iterator[str | None]:
    """Span work on many events, linked to the traces of at most `MAX_LINKS` of them; give its trace's id."""
    if not _tracers:
        yield None
        return
    with _span(name, "consumer", links=_links(records)) as span:
        span.set_attribute("onefunnel.service", service)
        yield f"{span.get_span_context().trace_id:032x}"


@contextmanager
def _span(
    name: str, kind: str, *, parent: str | None = None, links: Iterable["Link"] = ()
) -> Iterator["Span"]:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

    context = Context()
    if parent:
        context = set_span_in_context(NonRecordingSpan(_context(parent)), context)
    with _tracers[0].start_as_current_span(
        name, context, SpanKind[kind.upper()], links=tuple(links)
    ) as span:
        yield span


def _links(records: Iterable[bytes]) -> list["Link"]:
    from opentelemetry.trace import Link

    found: dict[str, None] = {}
    for record in records:
        if len(found) == MAX_LINKS:
            break
        try:
            parent = valid(_carried(record).traceparent or "")
        except msgspec.DecodeError:
            continue  # the turn itself says what is wrong with it
        if parent:
            found[parent] = None
    return [Link(_context(parent)) for parent in found]


def _context(traceparent: str) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags

    found = _TRACEPARENT.fullmatch(traceparent)
    assert found is not None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _text(context: "SpanContext") -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
