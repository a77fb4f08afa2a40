"""Logs are JSON lines that say which service and which request; metrics have names from one list."""

import json
import subprocess
import sys
from typing import get_args

from prometheus_client import REGISTRY

from onefunnel import telemetry

SCRIPT = """
import structlog
from onefunnel import telemetry
telemetry.configure_logs("lead_service")
log = telemetry.log("relay")
with structlog.contextvars.bound_contextvars(correlation_id="abc"):
    log.warning("relay_failed", attempt=2)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
log.debug("unheard")
"""
FROM_LIBRARY = """
import logging
from onefunnel import telemetry
telemetry.configure_logs("lead_service")
library = logging.getLogger("aiokafka.conn")
library.warning("Unable connect to %s", "broker:9092")
try:
    1 / 0
except ZeroDivisionError:
    library.exception("broken")
library.info("unheard")
"""


def lines_of(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return map(json.loads, done.stderr.splitlines())


def test_a_log_line_is_json_with_its_service_part_and_correlation_id():
    first, second = lines_of(SCRIPT)
    assert first.pop("at").endswith("Z")
    assert first == {
        "event": "relay_failed",
        "level": "warning",
        "service": "lead_service",
        "part": "relay",
        "correlation_id": "abc",
        "attempt": 2,
    }
    assert second["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_what_a_library_logs_is_a_line_like_ours():
    first, second = lines_of(FROM_LIBRARY)
    del first["at"]
    assert first == {
        "event": "library_said",
        "level": "warning",
        "service": "lead_service",
        "part": "aiokafka.conn",
        "said": "Unable connect to broker:9092",
    }
    assert (second["level"], second["said"]) == ("error", "broken")
    assert second["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_every_metric_of_the_list_can_be_counted_by_service():
    for name in get_args(telemetry.MetricName):
        assert name.islower()
    telemetry.count("relay_published_total", 3, service="test-telemetry")
    telemetry.gauge("consumer_lag_events", 7, service="test-telemetry")
    with telemetry.timed("turn_seconds", service="test-telemetry"):
        pass
    labels = {"service": "test-telemetry"}
    assert REGISTRY.get_sample_value("onefunnel_relay_published_total", labels) == 3
    assert REGISTRY.get_sample_value("onefunnel_consumer_lag_events", labels) == 7
    assert REGISTRY.get_sample_value("onefunnel_turn_seconds_count", labels) == 1


def test_a_counter_and_a_gauge_differ_in_more_than_the_ending():
    # The client registers a counter without its `_total` too, and refuses a second of that name.
    names = [name.removesuffix("_total") for name in get_args(telemetry.MetricName)]
    assert len(set(names)) == len(names)
