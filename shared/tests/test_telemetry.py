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
INJECTION = """
import logging
from onefunnel import telemetry
telemetry.configure_logs("lead_service")
for evil in {evil!r}:
    telemetry.log("relay").warning("relay_failed", reason=evil)
    logging.getLogger("aiokafka.conn").warning("no %s", evil)
"""
EVIL = [
    'a\r\n{"event": "forged"}',
    "a\x1b[31mred\x9b31m",
    "a\u2028b\u2029c\x85d\x0be",
    'a","event":"forged","b":"\\',
]
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


def run(script):
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )


def lines_of(script):
    done = run(script)
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


def test_whatever_a_line_tells_of_it_is_one_line_and_changes_no_other():
    lines = list(lines_of(INJECTION.format(evil=EVIL)))
    assert [line["event"] for line in lines] == ["relay_failed", "library_said"] * len(EVIL)
    assert [line["reason"] for line in lines[::2]] == EVIL
    assert [line["said"] for line in lines[1::2]] == [f"no {evil}" for evil in EVIL]


def test_a_line_holds_no_sign_that_a_terminal_obeys():
    done = run(INJECTION.format(evil=EVIL))
    assert not set(done.stderr) & set("\r\x1b\x7f\x85\x9b\u2028\u2029")


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
