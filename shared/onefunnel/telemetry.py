"""Logs as JSON lines, metrics by name. A line is an event with fields, never a sentence."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import orjson
import structlog
import structlog.tracebacks
from prometheus_client import Counter, Gauge, Histogram
from structlog.typing import ExcInfo

from onefunnel.metrics import (
    PREFIX,
    CounterName,
    GaugeName,
    HistogramName,
    MetricName,
    help_texts,
    labels_of,
)

__all__ = [
    "CounterName",
    "GaugeName",
    "HistogramName",
    "MetricName",
    "bound",
    "configure_logs",
    "count",
    "gauge",
    "gauge_of",
    "log",
    "observe",
    "timed",
]


# JSON may hold these as they are, and programs that cut a text into lines cut there; or begin a colour.
_BREAKS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x7f\x85\x9b\u2028\u2029"}


def configure_logs(service: str) -> None:
    """Write logs as JSON lines to stderr, each with its service and the bound correlation id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.ExceptionRenderer(_told),
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)


class _FromLibraries(logging.Handler):
    """Writes what libraries say through the standard library as lines like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a library's level may have no name here."""
        level = logging.ERROR if record.levelno >= logging.ERROR else logging.WARNING
        log(record.name).log(
            level, "library_said", said=record.getMessage(), exc_info=record.exc_info
        )


def log(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines carry the part of the program that writes them."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


def bound(service: str, correlation_id: str, trace_id: str | None) -> AbstractContextManager[None]:
    """Let every line that is written while this lasts say which request it belongs to."""
    if trace_id is None:
        return structlog.contextvars.bound_contextvars(
            service=service, correlation_id=correlation_id
        )
    return structlog.contextvars.bound_contextvars(
        service=service, correlation_id=correlation_id, trace_id=trace_id
    )


def count(name: CounterName, n: int = 1, **labels: str) -> None:
    """Add `n` to a counter."""
    _of(_counter(name), name, labels).inc(n)


def gauge(name: GaugeName, value: float, **labels: str) -> None:
    """Set a gauge."""
    _of(_gauge(name), name, labels).set(value)


def gauge_of(name: GaugeName, value: Callable[[], float], **labels: str) -> None:
    """Let a gauge ask for its value whenever it is read."""
    _of(_gauge(name), name, labels).set_function(value)


def observe(name: HistogramName, seconds: float, **labels: str) -> None:
    """Add one duration to a histogram."""
    _of(_histogram(name), name, labels).observe(seconds)


@contextmanager
def timed(name: HistogramName, **labels: str) -> Iterator[None]:
    """Add the time that a block takes to a histogram, however it ends."""
    with _of(_histogram(name), name, labels).time():
        yield


_frames_of = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _told(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """Return what an error was and where, without its words and values: they repeat what was sent."""
    return [{**one, "exc_value": "", "exc_notes": []} for one in _frames_of(exc_info)]


def _of(metric: Any, name: MetricName, labels: dict[str, str]) -> Any:
    names = labels_of(name)
    return metric.labels(*(labels[label] for label in names)) if names else metric


@cache
def _counter(name: CounterName) -> Counter:
    return Counter(PREFIX + name, help_texts()[name], labels_of(name))


@cache
def _gauge(name: GaugeName) -> Gauge:
    return Gauge(PREFIX + name, help_texts()[name], labels_of(name))


@cache
def _histogram(name: HistogramName) -> Histogram:
    return Histogram(PREFIX + name, help_texts()[name], labels_of(name))


def _line(fields: Any, **_: Any) -> str:
    return orjson.dumps(fields, default=str).decode().translate(_BREAKS)
