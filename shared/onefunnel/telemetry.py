"""Logs as JSON lines, metrics by name. A line is an event with fields, never a sentence."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final, Literal

import structlog
from prometheus_client import Counter, Gauge, Histogram

MetricName = Literal[
    "relay_published_total",  # events that the log has acknowledged
    "relay_failures_total",  # turns of a relay that ended in an error and a new epoch
    "reaction_applied_total",  # events that a reaction has applied
    "reaction_duplicates_total",  # events that came again and changed nothing
    "reaction_ignored_total",  # events of types that nobody here reacts to
    "reaction_dead_letters_total",  # events put aside because they can never be applied
    "partitions_halted_total",  # partitions that were stopped until an operator resumes them
    "consumer_lag_events",  # records in the log that a consumer has not taken yet
    "turn_seconds",  # how long one turn of a consumer took, commit included
]

_LABELS: Final = ("service",)


def configure_logs(service: str) -> None:
    """Write logs as JSON lines to stderr, each with its service and the bound correlation id."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
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


def count(name: MetricName, n: int = 1, *, service: str) -> None:
    """Add `n` to a counter."""
    _counter(name).labels(service).inc(n)


def gauge(name: MetricName, value: float, *, service: str) -> None:
    """Set a gauge."""
    _gauge(name).labels(service).set(value)


@contextmanager
def timed(name: MetricName, *, service: str) -> Iterator[None]:
    """Add the time that a block takes to a histogram, however it ends."""
    with _histogram(name).labels(service).time():
        yield


@cache
def _counter(name: MetricName) -> Counter:
    return Counter(f"onefunnel_{name}", name, _LABELS)


@cache
def _gauge(name: MetricName) -> Gauge:
    return Gauge(f"onefunnel_{name}", name, _LABELS)


@cache
def _histogram(name: MetricName) -> Histogram:
    return Histogram(f"onefunnel_{name}", name, _LABELS)
