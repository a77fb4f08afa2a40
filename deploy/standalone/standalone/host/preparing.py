"""Bringing databases and tenants up to date, in a process of its own that leaves nothing in memory."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from onefunnel.persistence.local_server import LocalServer
from standalone.console.failure import Failure
from standalone.host import show
from standalone.host.keys import internal_key, read_keys
from standalone.host.wiring import DATA, MIGRATIONS, migration_folder

STAMP: Final = "prepared.json"
Settings = Mapping[str, str | int]
TENANTS: Final[Mapping[str, Settings]] = {
    "demo": {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1},
    "main": {"time_zone": "UTC", "currency": "USD", "fiscal_year_start": 1},
}


def environment_of(data: Path, server: LocalServer) -> dict[str, str]:
    """Return what the processes of a stack are told by their environment."""
    return {
        "ONEFUNNEL_DATABASE_URL": server.url("postgres"),
        "ONEFUNNEL_INTERNAL_KEY": internal_key(data),
        DATA: str(data.absolute()),
    }


async def prepare(data: Path, environment: dict[str, str], *, demo: bool) -> show.NewKeys:
    """Run what is new in this release; return the keys that were made. Quick when nothing is new."""
    tenants = TENANTS if demo else {"main": TENANTS["main"]}
    wanted = _fingerprint()
    if _is_prepared(data, wanted, tenants):
        return {}
    with show.step("tables") as done:
        keys = await run_prepare(data, environment, tenants)
        done("roles, databases, migrations, tenants")
    _stamp(data, wanted)
    return keys


def _is_prepared(data: Path, wanted: str, tenants: Mapping[str, Settings]) -> bool:
    try:
        stamp = json.loads((data / STAMP).read_text())
    except (OSError, ValueError):
        return False
    keys = read_keys(data) or {}
    return stamp.get("fingerprint") == wanted and set(tenants) <= set(keys)


def _stamp(data: Path, wanted: str) -> None:
    unfinished = data / f"{STAMP}.new"
    unfinished.write_text(json.dumps({"fingerprint": wanted}))
    unfinished.replace(data / STAMP)


def _fingerprint() -> str:
    """Return what the databases of this release are made by: its version and every migration."""
    digest = sha256(version("onefunnel-standalone").encode())
    for database, package in sorted(MIGRATIONS.items()):
        for file in sorted(migration_folder(package).glob("*.py")):
            digest.update(database.encode() + file.name.encode() + file.read_bytes())
    return digest.hexdigest()


async def run_prepare(
    data: Path, environment: Mapping[str, str], tenants: Mapping[str, Settings]
) -> show.NewKeys:
    """Bring databases and tenants up to date in a process of its own; return the keys it made."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "standalone.host.prepare",
        str(data),
        json.dumps(tenants),
        env={**os.environ, **environment, "ONEFUNNEL_PARENT": str(os.getpid())},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, talk = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        words = talk.decode(errors="replace").strip().splitlines()[-3:]
        raise Failure(
            "cannot prepare the databases",
            because=tuple(words),
            help=f"the database's log is {data}/postgres/server.log",
            code="migration-failed",
        )
    keys: show.NewKeys = json.loads(out)
    return keys
