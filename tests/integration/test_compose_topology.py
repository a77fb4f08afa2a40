"""The topology of `docker-compose.yml`, as plain processes: what it says is enough to go from lead to pay."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployment.compose import containers, demanded
from tests.integration.plain_processes import PlainPostgres, Topology

from onefunnel.testing.kafka_broker import LocalBroker
from standalone.gateway_client import Gateway
from standalone.settled import settle

pytestmark = pytest.mark.timeout(900)
SETTLED_S = 120
STAYING = [
    one.name for one in containers(dict.fromkeys(demanded(), "x")).values() if one.part != "migrate"
]
LINES = [{"id": "1", "quantity": "1", "revenue_minor": 1_000_00, "cost_minor": 400_00}]


@pytest.fixture(scope="module")
def topology(
    session_broker: LocalBroker | None, kafka_bootstrap: str, room: Path
) -> Iterator[Topology]:
    """Start everything that the compose file starts in profile `core`, in its order."""
    secrets = {name: f"{name.lower()}-{'x' * 32}" for name in demanded()}
    database = PlainPostgres(room / "compose", secrets)
    running = Topology(secrets, postgres=database.address, kafka=kafka_bootstrap, logs=room)
    try:
        database.start()
        running.start()
        running.well("gateway")
        yield running
    finally:
        running.end()
        database.stop()


@pytest.fixture(scope="module")
def key(topology: Topology) -> str:
    """Make a tenant as docs/deployment.md says."""
    arguments = ("tenant", "main", "--currency", "EUR", "--time-zone", "Europe/Berlin")
    done = topology.use("gateway", *arguments)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


@pytest.fixture(scope="module")
def gateway(topology: Topology, key: str) -> Iterator[Gateway]:
    """Return the only way in."""
    with contextlib.closing(Gateway(topology.address("gateway"), key)) as opened:
        yield opened


def test_a_lead_becomes_a_won_deal_a_number_and_pay(gateway: Gateway) -> None:
    rep = gateway.post("/v1/people", {"name": "Ada Low", "kind": "rep"})["id"]
    component = {"id": "commission", "measure": "revenue", "period": "month", "rate": "0.05"}
    plan = gateway.post(
        "/v1/compensation/plans", {"name": "reps", "currency": "EUR", "components": [component]}
    )["plan_id"]
    gateway.post(
        "/v1/compensation/assignments", {"person": rep, "plan": plan, "from": "2026-01-01"}
    )

    lead = gateway.post("/v1/leads", {"source": "referral", "captured_at": "2026-03-02T09:00:00Z"})[
        "id"
    ]
    gateway.post(f"/v1/leads/{lead}/assign", {"owner": rep, "at": "2026-03-03T09:00:00Z"})
    gateway.post(f"/v1/leads/{lead}/accept", {"person": rep, "at": "2026-03-04T09:00:00Z"})
    deal = gateway.post(
        f"/v1/leads/{lead}/convert",
        {"deal": {"name": "First", "owner": rep, "currency": "EUR"}, "at": "2026-03-05T09:00:00Z"},
    )["id"]
    gateway.post(
        f"/v1/deals/{deal}/win",
        {
            "at": "2026-03-20T09:00:00Z",
            "lines": LINES,
            "credits": [{"person": rep, "role": "owner"}],
        },
    )
    assert settle(gateway, SETTLED_S), gateway.get("/v1/status")

    (group,) = gateway.get("/v1/funnel", {"from": "2026-01-01", "to": "2027-01-01"})["groups"]
    entered = {step["step"]: step["entered"] for step in group["steps"]}
    assert (entered["lead"], entered["won"]) == (1, 1)
    statement = gateway.get("/v1/compensation/statements", {"payee": rep, "period": "2026-03"})
    (earned,) = [one["total"]["amount_minor"] for one in statement["components"]]
    assert earned == 50_00


def test_the_services_own_tools_work_beside_them(topology: Topology) -> None:
    for tool in ("verify", "rebuild", "verify"):
        done = topology.use("metrics-worker", tool)
        assert done.returncode == 0, done.stdout + done.stderr
        answer = json.loads(done.stdout)
        assert answer["right"] is True
        assert answer["found"]["events"] > 0


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.xfail(reason="workers do not show their health yet")]
            if name.endswith("-worker")
            else [],
        )
        for name in STAYING
    ],
)
def test_what_stays_passes_its_health_check(topology: Topology, name: str) -> None:
    assert topology.healthy(name)


def test_everything_ends_when_told_to_within_its_grace(topology: Topology) -> None:
    """Comes last: nothing runs afterwards."""
    assert topology.stop() == dict.fromkeys(topology.started, 0)
