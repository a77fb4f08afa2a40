"""Five services as ten processes on PostgreSQL and Kafka: the same product as on one machine."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import free_port
from tests.integration.topology import EVERYTHING, ONE_BROKER, Topology, topology
from tests.integration.won_lead import (
    RATE,
    REVENUE,
    STEPS,
    earned,
    entered,
    hire,
    sign_definition,
    win_a_lead,
)

from onefunnel.testing.kafka_broker import LocalBroker

pytestmark = pytest.mark.timeout(600)
PAY = int(REVENUE * float(RATE))


@pytest.fixture(scope="module")
def running(kafka_bootstrap: str) -> Iterator[Topology]:
    room = Path(tempfile.mkdtemp(prefix="onefunnel-scaleout-"))
    kafka = {
        "ONEFUNNEL_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "ONEFUNNEL_KAFKA_PREFIX": "scaleout-test.",
        **ONE_BROKER,
    }
    try:
        with topology(room, kafka, free_port()) as made:
            made.start()
            made.ready()
            yield made
    finally:
        shutil.rmtree(room, ignore_errors=True)


@pytest.fixture
def gateway(running: Topology, request: Any) -> Iterator[Any]:
    """Return a client of a tenant of the test's own."""
    with running.gateway(running.tenant(request.node.name)) as gateway:
        yield gateway


def test_a_lead_that_is_won_is_in_the_funnel_and_on_the_statement(
    running: Topology, gateway: Any
) -> None:
    sign_definition(gateway)
    won = win_a_lead(gateway, hire(gateway))
    assert entered(gateway) == dict.fromkeys(STEPS, 1)
    assert earned(gateway, won) == PAY
    assert running.alive() == set(EVERYTHING)


def test_every_death_of_a_process_costs_time_and_no_event(running: Topology, gateway: Any) -> None:
    sign_definition(gateway)
    person = hire(gateway)
    win_a_lead(gateway, person)
    works = [place for place in EVERYTHING if place[1] == "work"]
    running.kill(*works)
    running.start(*works)
    won = win_a_lead(gateway, person)
    assert entered(gateway) == dict.fromkeys(STEPS, 2)
    assert earned(gateway, won) == 2 * PAY


def test_a_broker_that_dies_costs_time_and_no_event(
    running: Topology, gateway: Any, local_broker: LocalBroker
) -> None:
    sign_definition(gateway)
    person = hire(gateway)
    win_a_lead(gateway, person)
    local_broker.kill()
    assert gateway.post("/v1/leads", {"source": "webinar"})["id"], "it waits in the outbox"
    local_broker.start()
    gateway.close()  # the connection has idled for too long; the next request opens another
    won = win_a_lead(gateway, person)
    assert entered(gateway) == {**dict.fromkeys(STEPS, 2), "lead": 3}
    assert earned(gateway, won) == 2 * PAY
    assert running.alive() == set(EVERYTHING)


def test_everybody_stops_in_order_when_asked(running: Topology) -> None:
    ended = running.stop()
    assert {place: code for place, code in ended.items() if place[1] == "work" and code} == {}
    running.start()
    running.ready()
