"""The topology of `docker-compose.yml`, as plain processes: what it says is enough to go from lead to pay.

Whatever dies on the way, process or broker, costs time and no event.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deployment.compose import containers, demanded
from tests.integration.canaries import CANARY, IN_CLEAR, Api, holding, planted
from tests.integration.load import Load
from tests.integration.plain_processes import PlainPostgres, Topology
from tests.integration.won_lead import (
    RATE,
    REVENUE,
    STEPS,
    capture,
    earned,
    entered,
    hire,
    sign_definition,
    win,
)

from onefunnel.log.kafka_log import KafkaLog
from onefunnel.testing.kafka_broker import LocalBroker
from onefunnel.testing.small_service import everything
from standalone.gateway_client import Gateway
from standalone.host.waiting import wait_until
from standalone.settled import settle

pytestmark = pytest.mark.timeout(900)
HEARD_S = 120
PAY = int(REVENUE * float(RATE))
OWN = containers(dict.fromkeys(demanded(), "x"))
SERVING = [name for name, one in OWN.items() if one.part == "serve"]
MIGRATING = [name for name, one in OWN.items() if one.part == "migrate"]
WORKING = [name for name, one in OWN.items() if one.part == "work"]


@pytest.fixture(scope="module")
def topology(kafka_bootstrap: str, room: Path) -> Iterator[Topology]:
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


@pytest.fixture
def gateway(topology: Topology, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """Return the only way in, to a tenant of the test's own, made as docs/deployment.md says."""
    arguments = (request.node.name, "--currency", "USD", "--time-zone", "Etc/UTC")
    done = topology.use("gateway", "tenant", *arguments)
    assert done.returncode == 0, done.stderr
    key = str(json.loads(done.stdout)["key"])
    with contextlib.closing(Gateway(topology.address("gateway"), key)) as opened:
        sign_definition(opened)
        yield opened
    assert topology.last_words() == {}, "nobody ends who was not told to"


def test_a_lead_that_is_won_is_in_the_funnel_and_on_the_statement(gateway: Gateway) -> None:
    won = win(gateway, capture(gateway), hire(gateway))
    assert entered(gateway) == dict.fromkeys(STEPS, 1)
    assert earned(gateway, won) == PAY


def test_processes_that_die_cost_time_and_no_event(topology: Topology, gateway: Gateway) -> None:
    person, lead = hire(gateway), capture(gateway)
    topology.kill("lead", *WORKING)
    topology.begin("lead", *WORKING)
    topology.well("lead")
    gateway.close()  # the connection has idled for too long; the next request opens another
    won = win(gateway, lead, person)
    assert entered(gateway) == dict.fromkeys(STEPS, 1)
    assert earned(gateway, won) == PAY


def test_a_broker_that_dies_costs_time_and_no_event(
    gateway: Gateway, local_broker: LocalBroker
) -> None:
    person = hire(gateway)
    capture(gateway)
    local_broker.kill()
    lead = capture(gateway)  # it waits in the outbox
    local_broker.start()
    gateway.close()
    won = win(gateway, lead, person)
    assert entered(gateway) == {**dict.fromkeys(STEPS, 1), "lead": 2, "mql": 2}
    assert earned(gateway, won) == PAY


def test_the_services_own_tools_work_beside_them(topology: Topology, gateway: Gateway) -> None:
    capture(gateway)
    assert entered(gateway)["lead"] == 1
    for tool in ("verify", "rebuild", "verify"):
        answer = _tool(topology, tool)
        assert answer["right"] is True
        assert answer["found"]["events"] > 0


def _tool(topology: Topology, name: str) -> dict[str, Any]:
    done = topology.use("metrics-worker", name)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_nobodys_words_are_in_the_log_or_on_a_disk_and_what_was_erased_is_gone(
    topology: Topology, gateway: Gateway, local_broker: LocalBroker, room: Path
) -> None:
    keys = dict[str, str]()

    def key(role: str) -> str:
        if role not in keys:
            gateway.close()  # the connection may have idled for too long; the next request opens another
            keys[role] = str(gateway.post("/v1/keys", {"role": role, "name": role})["key"])
        return keys[role]

    api = Api(gateway.url, key)
    whose = planted(api)
    assert settle(gateway, HEARD_S)
    kept = [room, local_broker.data]
    records = asyncio.run(_everything(local_broker.bootstrap))
    assert any(whose.lead.encode() in record for record in records), "the log is read"
    assert not any(CANARY.encode() in record for record in records)
    assert holding(kept, IN_CLEAR), "the search does not find what is there"
    assert holding(kept, CANARY) == []

    api.erase("lead", whose.lead)
    api.erase("person", whose.person)

    def forgotten() -> bool:
        (item,) = api.made("/v1/feedback", None, "GET")["items"]
        (loss,) = api.made("/v1/win-loss", None, "GET")["items"]
        queue = "/v1/ratings/reconciliations?status=decided"
        (case,) = api.made(queue, None, "GET")["items"]
        said = [item["text"], loss["text"], case["decision"]["reason"]]
        return said == ["(erased)", None, None]

    assert wait_until(forgotten, HEARD_S), "each service hears of it by the log"
    listed = topology.use("lead-worker", "erased")
    assert {whose.lead, whose.person} <= set(listed.stdout.replace('"', " ").split()), listed.stderr
    assert holding(kept, CANARY) == []


async def _everything(bootstrap: str) -> list[bytes]:
    """Return every record of every topic, as a consumer reads it."""
    log = KafkaLog(bootstrap)
    try:
        topics = [topic.name for topic in await log.topics()]
        return [record for topic in topics for record in await everything(log, topic)]
    finally:
        await log.close()


def test_the_audits_are_verified_with_what_a_worker_is_told(
    topology: Topology, gateway: Gateway, tmp_path: Path
) -> None:
    hire(gateway)

    def verified() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "standalone", "verify-audit", "--apart", "--json"],
            env=topology.told("lead-worker"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return dict(json.loads(done.stdout)) if done.stdout else {"said": done.stderr}

    def all_sealed() -> bool:
        return all(one["right"] and not one["waiting"] for one in verified().values())

    assert wait_until(all_sealed, HEARD_S), verified()
    assert set(verified()) == {"lead", "scoring", "content", "metrics", "gateway"}
    assert verified()["lead"]["rows"] > 0


def test_an_operator_at_work_under_load_costs_no_event(
    topology: Topology, gateway: Gateway, local_broker: LocalBroker
) -> None:
    """What the runbooks do, one after the other: a rolling upgrade, a broker, a worker, a rebuild."""
    key = str(gateway.post("/v1/keys", {"role": "integration", "name": "load"})["key"])
    with Load(gateway.url, key).going_on() as load:
        for name in MIGRATING:
            topology.begin(name)
            topology.well(name)
        for name in [*WORKING, *(one for one in SERVING if one != "gateway"), "gateway"]:
            topology.restart(name)
        _all_right(topology, load)
        local_broker.kill()
        load.gets_through()
        local_broker.start()
        _all_right(topology, load)
        topology.kill("metrics-worker")
        topology.begin("metrics-worker")
        _all_right(topology, load)
        assert _tool(topology, "rebuild")["right"] is True
        _all_right(topology, load)
    assert load.refusals <= {503}, "away for a moment, and never wrong"
    gateway.close()
    assert entered(gateway)["lead"] == load.acknowledged > 0


def _all_right(topology: Topology, load: Load) -> None:
    load.gets_through()
    assert _tool(topology, "verify")["right"] is True


def test_what_serves_passes_its_health_check(topology: Topology) -> None:
    assert [name for name in SERVING if not topology.healthy(name)] == []


def test_what_works_passes_its_health_check(topology: Topology) -> None:
    assert [name for name in WORKING if not topology.healthy(name)] == []


def test_everything_ends_when_told_to_within_its_grace(topology: Topology) -> None:
    """Comes last: nothing runs afterwards."""
    assert topology.stop() == dict.fromkeys(topology.started, 0)
