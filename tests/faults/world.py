"""One small product: a producing service with an outbox, a log, and metrics-service.

Each has a database; the log may be in Kafka.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import Column, Integer, MetaData, Table, Uuid

from onefunnel.ids import new_id
from onefunnel.log import members
from onefunnel.log.kafka_log import KafkaLog
from onefunnel.log.port import EventLog
from onefunnel.log.postgres_log import PostgresLog
from onefunnel.outbox.table import OUTBOX_DDL
from onefunnel.persistence.database import Database
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.testing.kafka_topics import drop_topics, make_topics
from onefunnel.testing.postgres import FreshDatabase, TestServer

SOURCE: Final = "/services/test"
# One row per aggregate of any kind: its version is the number of its last event.
THING: Final = Table(
    "thing",
    MetaData(),
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", Integer),
    Column("event_seq", Integer),
)


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """Where a world's log is in Kafka."""

    bootstrap: str
    prefix: str


@dataclass(frozen=True)
class World:
    """Where everything is; what a process is told so that it takes part. Made of plain values."""

    service: FreshDatabase
    log: FreshDatabase | KafkaPlace
    metrics: FreshDatabase
    seed: int
    events: int
    notes: Path  # what clients were told
    turn: int = 9  # events in a turn of the fold: few, so that there are many turns
    skew_s: float = 0.0  # how wrong the clock of a process is
    answer_s: float = 35.0  # how long a process waits for an answer of a database
    broker_s: float = 12.0  # and of a broker
    pace_s: float = 0.0  # how long a producer rests after each event
    lease_s: float = members.LEASE_S
    idle_ms: int = 15_000  # how long the server suffers an idle transaction

    @property
    def databases(self) -> Mapping[str, FreshDatabase]:
        """Return the databases by what they are for."""
        logs = {} if isinstance(self.log, KafkaPlace) else {"log": self.log}
        return {"service": self.service, **logs, "metrics": self.metrics}

    def through(self, what: str, port: int) -> "World":
        """Return the same world in which one server is reached through a port on loopback."""
        if what == "log" and isinstance(self.log, KafkaPlace):
            return replace(self, log=replace(self.log, bootstrap=f"127.0.0.1:{port}"))
        there = self.databases[what]
        return replace(
            self,
            **{
                what: replace(
                    there,
                    app_url=tcp(there.app_url, port),
                    worker_url=tcp(there.worker_url, port),
                )
            },
        )


def tcp(url: str, port: int) -> str:
    """Return the URL of a server on a Unix socket as it is reached through a port."""
    user, _, rest = url.partition("@/")
    return f"{user}@127.0.0.1:{port}/{rest.partition('?')[0]}"


def socket_of(database: FreshDatabase) -> str:
    """Return the path of the socket that a database's server listens on."""
    return f"{database.owner_url.partition('?host=')[2]}/.s.PGSQL.5432"


def open_log(world: World) -> EventLog:
    """Return a world's log."""
    if isinstance(world.log, KafkaPlace):
        return KafkaLog(world.log.bootstrap, prefix=world.log.prefix)
    return PostgresLog(Database(world.log.worker_url, pool_size=2, name="log"))


async def make_world(
    server: TestServer, notes: Path, seed: int, events: int, bootstrap: str | None = None
) -> World:
    """Make the databases of a world, and its topics where there is a broker."""
    service = server.fresh(None)
    owner = await asyncpg.connect(service.owner_url)
    try:
        await owner.execute(
            "CREATE TABLE thing (tenant_id UUID, id UUID, version INT NOT NULL, event_seq INT NOT NULL,"
            " PRIMARY KEY (tenant_id, id))"
        )
        for statement in [*tenant_table_ddl("thing"), *OUTBOX_DDL]:
            await owner.execute(statement)
    finally:
        await owner.close()
    metrics = server.fresh("metrics_service")
    if bootstrap is None:
        return World(service, server.fresh("onefunnel.log"), metrics, seed, events, notes)
    place = KafkaPlace(bootstrap, f"test-{new_id().hex}.")
    await make_topics(place.bootstrap, place.prefix)
    return World(service, place, metrics, seed, events, notes)


async def drop_world(server: TestServer, world: World) -> None:
    """Do away with what was made."""
    server.drop(list(world.databases.values()))
    if isinstance(world.log, KafkaPlace):
        await drop_topics(world.log.bootstrap, world.log.prefix)
