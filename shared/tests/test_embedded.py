"""The embedded profile: it refuses wrong roles, its pools fit, and its parts run as real processes."""

import asyncio
import os
import signal
import subprocess
import sys

import asyncpg
import pytest

from onefunnel.log.port import Partition
from onefunnel.persistence.urls import APP_ROLE, DATABASES, WORKER_ROLE, url_of
from onefunnel.profiles import databases
from onefunnel.profiles.embedded import Settings, migrate, open_runtime
from onefunnel.profiles.roles import WrongRole, check_roles
from onefunnel.service import Service, work
from onefunnel.testing.waiting import until


def test_all_pools_together_fit_the_server():
    pools = sum(databases.APP_POOL.values()) + sum(databases.WORKER_POOL.values())
    assert pools + databases.DEDICATED + databases.SPARE <= databases.SERVER_LIMIT
    assert set(databases.APP_POOL) == set(databases.WORKER_POOL) == set(DATABASES)


async def test_roles_as_provisioned_are_accepted(service):
    await check_roles(service.app_url, service.worker_url)


async def test_an_app_role_that_row_policies_do_not_hold_is_refused(service):
    with pytest.raises(WrongRole, match="bypasses"):
        await check_roles(service.worker_url, service.worker_url)
    with pytest.raises(WrongRole, match="bypasses"):
        await check_roles(service.owner_url, service.worker_url)


async def test_an_app_role_that_owns_a_table_is_refused(service, owner):
    await owner.execute(f"ALTER TABLE lead OWNER TO {APP_ROLE}")
    with pytest.raises(WrongRole, match="owns"):
        await check_roles(service.app_url, service.worker_url)


async def test_a_worker_role_that_row_policies_hold_is_refused(service):
    with pytest.raises(WrongRole, match="BYPASSRLS"):
        await check_roles(service.app_url, service.app_url)


@pytest.fixture
async def settings(postgres_server):
    settings = Settings(database_url=postgres_server.url, internal_key="x" * 32)
    yield settings
    owner = await asyncpg.connect(url_of(postgres_server.url, "postgres"))
    for name in DATABASES:
        await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await owner.close()


async def test_a_migrated_server_gives_a_runtime_whose_log_answers(settings):
    await asyncio.gather(migrate(settings, []), migrate(settings, []))
    runtime = open_runtime(settings, part="web", checks=["lead", "metrics"], apps={})
    place = Partition("onefunnel.view.v1", 23)
    assert await runtime.log.end_positions([place]) == {place: 0}
    assert runtime.database("lead") is runtime.database("lead")
    await runtime.close()


async def test_a_commit_in_the_web_process_wakes_the_worker_process(settings):
    await migrate(settings, [])
    reading, writing = os.pipe()
    parts = {"web": writing, "worker": reading}
    web, worker = [
        open_runtime(
            settings.model_copy(update={"wake_fd": descriptor}), part=part, checks=[], apps={}
        )
        for part, descriptor in parts.items()
    ]
    listener = worker.wakeups.listen()
    web.wake()
    assert await listener.wait(20)
    for runtime in (web, worker):
        await runtime.close()
    os.close(writing)
    os.close(reading)


async def test_stopping_lets_every_background_finish_its_turn(make_runtime):
    runtime, stop, finished = make_runtime(), asyncio.Event(), []

    async def background(stop) -> None:
        listener = runtime.wakeups.listen()
        while not stop.is_set():
            await listener.wait(60)
        finished.append(True)

    service = Service("x", None, (background, background))
    working = asyncio.create_task(work([service], runtime, stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(20):
        await working
    assert finished == [True, True]


async def test_a_background_that_fails_stops_the_others_in_order_and_is_heard(make_runtime):
    runtime, stop, finished = make_runtime(), asyncio.Event(), []

    async def failing(stop) -> None:
        raise ZeroDivisionError

    async def patient(stop) -> None:
        await stop.wait()
        finished.append(True)

    with pytest.raises(ZeroDivisionError):
        await work([Service("x", None, (patient, failing))], runtime, stop)
    assert finished == [True]


SMALL = '''
"""A service of one route and one loop, run as any service is."""
import asyncio, pathlib, sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from onefunnel.service import Service

async def hello(request):
    return PlainTextResponse("hello")

async def loop(stop):
    print("working", flush=True)
    await stop.wait()
    print("stopped", flush=True)

def build(runtime):
    return Service("lead", Starlette(routes=[Route("/", hello)]), (loop,))
'''


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "lead_service"
    (folder / "migrations" / "versions").mkdir(parents=True)
    for name in ("__init__", "migrations/__init__"):
        (folder / f"{name}.py").touch()
    (folder / "main.py").write_text(SMALL)
    (folder / "__main__.py").write_text('from onefunnel.service import run\nrun("lead_service")\n')
    return tmp_path


def start(package, settings, part, **more):
    environment = {
        **os.environ,
        "ONEFUNNEL_DATABASE_URL": settings.database_url,
        "ONEFUNNEL_INTERNAL_KEY": "x" * 32,
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "lead_service", part],
        cwd=package,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


async def ended(child) -> int:
    await asyncio.to_thread(child.communicate, None, 30)
    return child.returncode


async def test_a_service_migrates_works_and_stops_in_order_as_its_own_process(package, settings):
    assert await ended(start(package, settings, "migrate")) == 0
    child = start(package, settings, "work")
    assert await asyncio.to_thread(child.stdout.readline) == "working\n"
    child.send_signal(signal.SIGTERM)
    said, _ = await asyncio.to_thread(child.communicate)
    assert (child.returncode, said) == (0, "stopped\n")


async def test_a_service_serves_until_it_is_told_to_stop(package, settings):
    await migrate(settings, [])
    child = start(package, settings, "serve", ONEFUNNEL_PORT="18799")
    await until(lambda: answers(18799), limit_s=30)
    assert b"application/problem+json" in await answer_of(18799, b"no HTTP\r\n\r\n")
    child.send_signal(signal.SIGTERM)
    assert await ended(child) == 0


async def answers(port) -> bool:
    try:
        answer = await answer_of(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    except OSError:
        return False
    return answer.endswith(b"hello")


async def answer_of(port, request) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_an_unknown_part_is_refused_with_the_usage(package, settings):
    assert await ended(start(package, settings, "dance")) == 1


def test_the_two_roles_are_not_one():
    assert APP_ROLE != WORKER_ROLE
