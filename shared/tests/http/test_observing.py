"""What a request leaves behind: numbers by template, one line, and nothing of what was in it."""

import json
import subprocess
import sys
from pathlib import Path

from prometheus_client import REGISTRY

from onefunnel.ids import new_id

TRACE = "0af7651916cd43dd8448eb211c80319c"


def counted(**labels):
    return REGISTRY.get_sample_value(
        "onefunnel_http_requests_total", {"service": "thing-service", **labels}
    )


async def test_requests_are_counted_by_template_and_never_by_path(anna):
    before = counted(method="GET", route="/v1/things/{thing_id}", status="404") or 0
    ids = [str(new_id()) for _ in range(3)]
    for id_ in ids:
        await anna.get(f"/v1/things/{id_}")
    await anna.get(f"/nowhere/{ids[0]}")
    await anna.request("BREW", f"/v1/things/{ids[0]}")
    text = (await anna.get("/metrics")).text
    assert counted(method="GET", route="/v1/things/{thing_id}", status="404") == before + 3
    assert counted(method="GET", route="unmatched", status="404")
    assert counted(method="other", route="/v1/things/{thing_id}", status="405")
    assert not any(id_ in text for id_ in ids)
    assert 'route="/metrics"' not in text


SCRIPT = """
import asyncio, httpx
from onefunnel import telemetry
from onefunnel.http.app import service_app
from onefunnel.http.bodies import Body
from onefunnel.clock import SystemClock
from onefunnel.http.principal import HEADER, Principal, sign_principal
from onefunnel.http.routing import declared, routes
from onefunnel.ids import new_id

class New(Body):
    name: str

router = routes("things")

@router.post("/v1/things/{thing_id}", openapi_extra=declared("thing", "create"))
async def create(thing_id: str, body: New) -> dict[str, str]:
    if body.name.endswith("bug"):
        raise RuntimeError(f"a bug of ours with {body.name}")
    return {}

async def ready(): ...

async def main():
    telemetry.configure_logs("things")
    app = service_app(name="thing-service", routers=[router], internal_key=b"k", ready=ready)
    who = sign_principal(Principal(new_id(), "key:anna", "rep"), b"k", SystemClock().now())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {HEADER: who, "X-Correlation-Id": "run-7", "traceparent": trace}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as c:
        for name in (7, "canary bug", "canary@example.com"):
            await c.post("/v1/things/canary-id", json={"name": name})
        await c.post("/v1/things/canary-id?canary=1", json={"name": "canary"})
        await c.get("/livez")

asyncio.run(main())
"""


def test_every_line_of_a_request_says_which_and_none_says_what_was_in_it(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(x["service"], x["correlation_id"], x["trace_id"]) for x in lines} == {
        ("thing-service", "run-7", TRACE)
    }
    accesses = [line for line in lines if line["event"] == "request"]
    assert [(x["method"], x["route"], x["status"]) for x in accesses] == [
        ("POST", "/v1/things/{thing_id}", status) for status in (422, 500, 200, 422)
    ]
    assert all(isinstance(line["duration_ms"], float) for line in accesses)
    assert "canary" not in done.stderr
