"""Verifying the audits of all services: on one data directory, or apart, by the settings that they are told."""

import asyncio
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from onefunnel.audit.verify import Anchor, Verdict, verify
from onefunnel.persistence.database import Database
from onefunnel.persistence.urls import WORKER_ROLE, database_of, url_of
from onefunnel.profiles.scaleout import Settings
from standalone.console.failure import USAGE, Failure
from standalone.host.borrowing import borrowed_server
from standalone.host.keys import internal_key
from standalone.host.stack import PACKAGES

ANCHORS: Final = "audit-anchors.json"

UrlFor = Callable[[str], str]  # where a service's database is, under the role that sees all tenants


def verify_audits(data: Path) -> dict[str, dict[str, Any]]:
    """Walk the chain of every service; remember the heads of those that are whole."""
    with borrowed_server(data) as server:
        url_for = partial(server.url, user=WORKER_ROLE)
        return _verified(url_for, internal_key(data).encode(), data / ANCHORS)


def verify_audits_apart(data: Path) -> dict[str, dict[str, Any]]:
    """Do the same on the databases of services that run apart: the environment is that of a worker.

    `data` holds nothing but the heads that are remembered.
    """
    settings = _settings()
    if settings.worker_url is None:
        raise Failure("ONEFUNNEL_WORKER_URL is not set", code="not-told", exit_code=USAGE)
    data.mkdir(parents=True, exist_ok=True)
    key = settings.internal_key.get_secret_value().encode()
    return _verified(partial(url_of, settings.worker_url), key, data / ANCHORS)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise Failure(
            "the environment is not that of a service that runs apart",
            help="; ".join(f"{_variable(one)}: {one['msg']}" for one in error.errors()),
            code="not-told",
            exit_code=USAGE,
        ) from error


def _variable(fault: Mapping[str, Any]) -> str:
    return f"ONEFUNNEL_{'_'.join(map(str, fault['loc']))}".upper()


def _verified(url_for: UrlFor, key: bytes, anchors: Path) -> dict[str, dict[str, Any]]:
    before = read_anchors(anchors)
    verdicts = asyncio.run(_verdicts(url_for, key, before))
    whole = {name: one.head for name, one in verdicts.items() if not one.breaks}
    _keep_anchors(anchors, {**before, **whole})
    return {name: _told(one) for name, one in verdicts.items()}


def read_anchors(path: Path) -> dict[str, Anchor]:
    """Return the heads that were seen before, by service."""
    if not path.exists():
        return {}
    return {name: Anchor(*head) for name, head in json.loads(path.read_text()).items()}


def _keep_anchors(path: Path, anchors: Mapping[str, Anchor]) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(anchors))
    unfinished.replace(path)


async def _verdicts(
    url_for: UrlFor, key: bytes, before: Mapping[str, Anchor]
) -> dict[str, Verdict]:
    found = {}
    for name in map(database_of, PACKAGES):
        database = Database(url_for(name), pool_size=1, name="onefunnel-audit")
        try:
            found[name] = await verify(database, key, before.get(name))
        finally:
            await database.close()
    return found


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "right": verdict.right,
        "rows": verdict.rows,
        "unsealed": verdict.unsealed,
        "waiting": verdict.waiting,
        "breaks": verdict.breaks,
        "n": verdict.head.n,
        "head": verdict.head.hash,
    }
