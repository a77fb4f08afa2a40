"""A real Kafka for tests, as a pytest plugin: one broker per process, topics of its own per test.

The broker is a local one where Java and Maven are here, else a container where Docker is, else the one
that `KAFKA_BOOTSTRAP` names. Where there is none, tests are skipped; with REQUIRE_ALL=1 they fail.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from onefunnel.ids import new_id
from onefunnel.testing.kafka_broker import LocalBroker, can_run, image
from onefunnel.testing.needing import missing


@pytest.fixture(scope="session")
def session_broker() -> Iterator[LocalBroker | None]:
    """Start this process's own broker when the first test wants one; None where that cannot be."""
    if not can_run():
        yield None
        return
    directory = Path(tempfile.mkdtemp(prefix="onefunnel-kafka-"))
    broker = LocalBroker(directory / "kafka")
    try:
        broker.create()
        yield broker
    finally:
        if broker.running:
            broker.kill()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_bootstrap(session_broker: LocalBroker | None) -> Iterator[str]:
    """Return the address of a broker, whichever there is."""
    if session_broker is not None:
        yield session_broker.bootstrap
    elif shutil.which("docker"):
        from testcontainers.kafka import KafkaContainer

        with KafkaContainer(image()) as container:
            yield container.get_bootstrap_server()
    elif address := os.environ.get("KAFKA_BOOTSTRAP"):
        yield address
    else:
        missing("no Kafka: neither Java and Maven, nor Docker, nor KAFKA_BOOTSTRAP")


@pytest.fixture
def local_broker(session_broker: LocalBroker | None) -> Iterator[LocalBroker]:
    """Return a broker that the test may kill, freeze and start again; afterwards it runs."""
    if session_broker is None:
        missing("no Kafka that a test may kill: Java and Maven are not here")
    yield session_broker
    if session_broker.running:
        session_broker.thaw()
    else:
        session_broker.start()


@pytest.fixture
def topic_prefix() -> str:
    """Return what the names of the test's own topics begin with."""
    return f"test-{new_id().hex}."
