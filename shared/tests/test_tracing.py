"""The SDK of OpenTelemetry is where it was asked for, and nowhere else."""

import subprocess
import sys

import pytest

from onefunnel import tracing

LOADED = """
import sys
from onefunnel import tracing
from onefunnel.http.app import service_app
tracing.start("a-service")
with tracing.request({"method": "GET", "headers": []}, "a-service"), tracing.turn("t", "s", [b"{}"]):
    print(any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


@pytest.mark.parametrize(("endpoint", "loaded"), [("", "False"), ("http://127.0.0.1:9", "True")])
def test_the_sdk_of_opentelemetry_is_imported_only_where_an_endpoint_is_named(endpoint, loaded):
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env={tracing.ENDPOINT: endpoint, "OTEL_BSP_EXPORT_TIMEOUT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == loaded
