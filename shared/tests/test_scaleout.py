"""The scale-out profile: what it refuses, what it waits for, and what each part must be told."""

import asyncio
import signal
import socket
import subprocess
import sys

import asyncpg
import pytest
from pydantic import ValidationError

from onefunnel.errors import Refused
from onefunnel.log.kafka_shape import Copies
from onefunnel.log.kafka_topics import KafkaTopics, WrongTopics
from onefunnel.log.port import Unavailable
from onefunnel.persistence.provision import provision
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, password_of, url_of
from onefunnel.profiles.scaleout import Settings, migrate, open_runtime
from onefunnel.service import _settings
from onefunnel.starting import once_there
from onefunnel.testing.waiting import until

SMALL = {"kafka_small": True, "kafka_replication": 1, "kafka_min_isr": 1}


@pytest.fixture
def told(postgres_server, kafka_bootstrap, topic_prefix):
    """Return what the processes of one installation are told, of a database `lead` that is not there."""
    return {
        "owner_url": postgres_server.url,
        "app_url": url_of(postgres_server.url, "", role=APP_ROLE),
        "worker_url": url_of(postgres_server.url, "", role=WORKER_ROLE),
        "kafka_bootstrap": kafka_bootstrap,
        "kafka_prefix": topic_prefix,
        "internal_key": "x" * 32,
        **SMALL,
    }


@pytest.fixture
async def dropped(postgres_server):
    yield
    owner = await asyncpg.connect(url_of(postgres_server.url, "postgres"))
    await owner.execute("DROP DATABASE IF EXISTS lead WITH (FORCE)")
    await owner.close()


async def checked(told, part):
    runtime = open_runtime(Settings(**told), part=part, checks=["lead"], apps={})
    try:
        await runtime.check()
    finally:
        await runtime.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kafka_user": "one"}, "go together"),
        (
            {"kafka_user": "one", "kafka_password": "p", "kafka_mechanism": "PLAIN"},
            "KAFKA_TLS=true",
        ),
        ({"kafka_ca_file": "/ca.pem"}, "want KAFKA_TLS=true"),
        ({"kafka_mechanism": "GSSAPI"}, "kafka_mechanism"),
    ],
)
def test_a_way_to_the_brokers_that_cannot_be_meant_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Settings(kafka_bootstrap="b:9092", internal_key="x" * 32, **SMALL, **wrong)


async def test_migrate_makes_what_both_parts_stand_on(told, dropped):
    await asyncio.gather(*(migrate(Settings(**told), ["lead_service"]) for _ in range(3)))
    await checked(told, "web")
    await checked(told, "worker")


async def test_a_topic_that_is_not_as_wanted_is_refused_by_who_works_on_it(told, dropped):
    await migrate(Settings(**told), ["lead_service"])
    told["kafka_min_isr"] = 2
    with pytest.raises(WrongTopics, match="wanted 2"):
        await checked(told, "worker")
    await checked(told, "web")


async def test_the_worker_role_is_refused_where_requests_are_answered(told, dropped):
    await migrate(Settings(**told), ["lead_service"])
    told["app_url"] = told["worker_url"]
    with pytest.raises(Refused, match="bypasses"):
        await checked(told, "web")


@pytest.mark.parametrize(
    ("part", "variable"), [("web", "ONEFUNNEL_APP_URL"), ("worker", "ONEFUNNEL_WORKER_URL")]
)
async def test_each_part_needs_to_be_told_its_own_role_only(told, part, variable):
    told[{"web": "app_url", "worker": "worker_url"}[part]] = None
    with pytest.raises(Refused, match=f"{variable} is not set"):
        await checked(told, part)


async def test_a_pool_that_nobody_was_told_of_says_so_when_it_is_opened(told):
    told["worker_url"] = None
    runtime = open_runtime(Settings(**told), part="web", checks=[], apps={})
    database = runtime.worker_database("lead")
    with pytest.raises(asyncpg.InterfaceError, match="onefunnel-worker-url-is-not-set"):
        async with database.driver():
            pass
    await runtime.close()


@pytest.mark.parametrize("few", [{"kafka_replication": 2}, {"kafka_min_isr": 1}])
def test_fewer_copies_than_are_safe_need_a_word(told, few, monkeypatch):
    safe = {**told, "kafka_small": False, "kafka_replication": 3, "kafka_min_isr": 2}
    Settings(**safe)
    Settings(**safe | few | {"kafka_small": True})
    for name, value in (safe | few).items():
        monkeypatch.setenv(f"ONEFUNNEL_{name.upper()}", str(value))
    profile = sys.modules[Settings.__module__]
    with pytest.raises(Refused, match="ONEFUNNEL_KAFKA_SMALL=true") as caught:
        _settings(profile)
    assert "x" * 32 not in str(caught.value), "what is secret is not repeated"


async def test_passwords_are_set_as_the_urls_carry_them(postgres_server):
    url = f"postgresql://{APP_ROLE}:it%27s%40home@host:5432"
    assert password_of(url) == "it's@home"
    await provision(postgres_server.url, [], {APP_ROLE: "it's@home"})
    owner = await asyncpg.connect(url_of(postgres_server.url, "postgres"))
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = $1"
    try:
        assert (await owner.fetchval(stored, APP_ROLE)).startswith("SCRAM-SHA-256")
    finally:
        await owner.execute(f"ALTER ROLE {APP_ROLE} PASSWORD NULL")
        await owner.close()


async def test_what_passes_is_waited_for_and_what_does_not_is_raised():
    errors = [OSError("down"), Unavailable("down"), asyncpg.InvalidCatalogNameError("not yet")]

    async def attempt():
        if errors:
            raise errors.pop()

    await once_there(attempt, asyncio.Event())
    assert not errors
    errors.append(WrongTopics("for ever"))
    with pytest.raises(WrongTopics):
        await once_there(attempt, asyncio.Event())


async def test_waiting_ends_when_the_process_is_to_stop():
    stop = asyncio.Event()

    async def down():
        stop.set()
        raise OSError

    await once_there(down, stop)


def start(told, part, port=0):
    environment = {f"ONEFUNNEL_{name.upper()}": str(value) for name, value in told.items()}
    environment |= {"ONEFUNNEL_PROFILE": "scaleout", "ONEFUNNEL_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "lead_service", part],
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


async def answered(port, path) -> int | None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
    except OSError:
        return None
    return int(status.split()[1]) if status else None


def free_port() -> int:
    for port in range(21_000, 31_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


async def test_a_service_that_stands_on_nothing_yet_lives_and_works_when_it_is_there(told, dropped):
    port = free_port()
    web, worker = start(told, "serve", port), start(told, "work")
    try:

        async def lives_and_is_not_ready():
            return (await answered(port, "/livez"), await answered(port, "/readyz")) == (204, 503)

        await until(lives_and_is_not_ready, limit_s=60)
        line = await asyncio.to_thread(worker.stdout.readline)
        assert '"event": "waiting"' in line or '"event":"waiting"' in line, line
        await migrate(Settings(**told), ["lead_service"])

        async def ready():
            return await answered(port, "/readyz") == 204

        await until(ready, limit_s=60)
        owner = await asyncpg.connect(url_of(told["owner_url"], "lead"))
        claimed = "SELECT EXISTS (SELECT 1 FROM relay_lease WHERE owner IS NOT NULL)"
        await until(lambda: owner.fetchval(claimed), limit_s=60)
        await owner.close()
        assert web.poll() is None
        assert worker.poll() is None
    finally:
        for child in (web, worker):
            child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(child.communicate, None, 60)


async def test_a_process_that_is_refused_ends_and_says_why(told, dropped):
    await migrate(Settings(**told), ["lead_service"])
    topics = KafkaTopics(told["kafka_bootstrap"], Copies(1, 1), prefix=told["kafka_prefix"])
    await topics.check()
    await topics.close()
    told["kafka_replication"] = 2
    child = start(told, "work")
    said, _ = await asyncio.to_thread(child.communicate, None, 60)
    assert child.returncode == 1
    assert "lead_service does not start:" in said
    assert "has 1 replicas, wanted 2" in said
    assert "Traceback" not in said


def test_the_embedded_profile_does_without_the_kafka_client():
    imported = "import sys, onefunnel.profiles.embedded, onefunnel.service"
    found = "[n for n in sys.modules if n.startswith('aiokafka')]"
    done = subprocess.run([sys.executable, "-c", f"{imported}; assert not {found}"], check=False)
    assert done.returncode == 0
