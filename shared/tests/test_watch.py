"""What a worker says of itself: found out when it is asked, and NaN where it cannot be found out."""

import math
import os
import socket
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from onefunnel import ops
from onefunnel.environment import METRICS_PORT
from onefunnel.http.problems import Problem
from onefunnel.log import ownership
from onefunnel.log.dead_letters import COUNT_OPEN
from onefunnel.log.port import Partition, Unavailable
from onefunnel.ops import answering
from onefunnel.outbox.intake import Intake, Limits
from onefunnel.outbox.standing import outbox_standing
from onefunnel.persistence.database import StorageUnavailable
from onefunnel.testing.small_reactions import caught_up, reacting, values_of
from onefunnel.testing.small_service import AT, GROUP, TOPIC, publish, written
from onefunnel.watch import Consumer, Watcher

pytestmark = pytest.mark.usefixtures("quick")


class Clock:
    def now(self):
        return AT + timedelta(seconds=90)


def watcher(worker, log):
    return Watcher("small", worker, Clock(), Consumer(GROUP, COUNT_OPEN, log))


def value(name):
    return REGISTRY.get_sample_value(f"onefunnel_{name}", {"service": "small"})


async def known(worker, log, owner):
    """Let reactions make their rows and take what is there."""
    async with reacting(worker, log):
        await caught_up(owner, log)


async def test_a_worker_says_how_far_behind_its_consumer_is_and_how_old_what_waits_is(
    worker, log, owner
):
    await publish(log, values_of(2), epoch=1)
    await known(worker, log, owner)
    await publish(log, values_of(5), epoch=2)
    assert await watcher(worker, log)() == []
    assert value("consumer_lag_events") == 5
    assert value("oldest_unfolded_event_age_seconds") == 90
    assert value("partitions_owned") == 0
    await known(worker, log, owner)
    await watcher(worker, log)()
    assert value("consumer_lag_events") == 0
    assert value("oldest_unfolded_event_age_seconds") == 0


async def test_records_that_the_log_no_longer_keeps_are_no_lag(worker, log, owner, log_owner):
    await publish(log, values_of(4), epoch=1)
    await known(worker, log, owner)
    await owner.execute("UPDATE stream_partition SET next_position = 0")
    await log_owner.execute(
        "UPDATE head SET log_start = 4 WHERE partition = 0 AND topic_id ="
        " (SELECT id FROM topic WHERE name = $1)",
        TOPIC,
    )
    await watcher(worker, log)()
    assert value("consumer_lag_events") == 0


async def test_a_halted_partition_makes_a_worker_degraded_and_not_unready(worker, log, owner):
    await publish(log, values_of(1), epoch=1)
    await known(worker, log, owner)
    claims = await ownership.take_share(owner, GROUP, "someone", {})
    await ownership.halt(owner, GROUP, claims[Partition(TOPIC, 0)], "a reason")
    assert await watcher(worker, log)() == ["1 partitions are halted"]
    assert value("halted_partitions") == 1
    assert value("partitions_owned") == len(claims) - 1


class Silent:
    async def end_positions(self, _):
        raise Unavailable

    start_positions = end_positions


async def test_a_log_that_does_not_answer_is_no_lag_of_nought(worker, log, owner):
    await known(worker, log, owner)
    assert await watcher(worker, Silent())() == ["the event log does not answer"]
    assert math.isnan(value("consumer_lag_events"))
    assert value("outbox_events") == 0


def free_port():
    for port in range(21_000 + os.getpid() % 8_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError


@asynccontextmanager
async def asked(monkeypatch, watch):
    port = free_port()
    monkeypatch.setenv(METRICS_PORT, str(port))
    async with (
        answering({"small": watch}),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_a_worker_answers_probes_and_metrics_at_a_port_of_its_own(
    monkeypatch, app, worker, log, owner
):
    await known(worker, log, owner)
    await written(app, 3)
    async with asked(monkeypatch, watcher(worker, log)) as client:
        assert (await client.get("/livez")).status_code == 204
        assert (await client.get("/readyz")).status_code == 204
        text = (await client.get("/metrics")).text
    assert 'onefunnel_outbox_events{service="small"} 3.0' in text
    assert "# HELP onefunnel_outbox_events events that are committed and not in the log yet" in text


async def test_a_database_that_is_away_makes_a_worker_unready_and_a_broker_does_not(
    monkeypatch, worker, log, owner
):
    await known(worker, log, owner)
    async with asked(monkeypatch, watcher(worker, Silent())) as client:
        degraded = await client.get("/readyz")
    assert degraded.status_code == 200
    assert degraded.json() == {
        "status": "degraded",
        "concerns": ["small: the event log does not answer"],
    }

    async def away():
        raise StorageUnavailable

    async with asked(monkeypatch, away) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 204


async def test_without_a_port_a_worker_answers_nowhere(monkeypatch):
    monkeypatch.delenv(METRICS_PORT, raising=False)
    monkeypatch.setattr(ops.socket, "create_server", None)
    async with answering({}):
        pass


async def test_an_outbox_beyond_its_limits_degrades_and_then_refuses(app, worker, owner):
    clock = Clock()
    intake = Intake(
        "small",
        lambda: outbox_standing(worker, clock.now()),
        Limits(degraded_events=2, full_events=4),
        every_s=0,
    )
    await written(app, 2)
    await intake.admit()
    assert await intake.concerns() == []
    await written(app, 2)
    await intake.admit()
    assert len(await intake.concerns()) == 1
    await written(app, 1)
    with pytest.raises(Problem) as caught:
        await intake.admit()
    assert (caught.value.code, caught.value.status) == ("outbox-full", 503)
    await owner.execute("DELETE FROM outbox")
    await intake.admit()
