"""Verifying the audits of all services, on the databases of a data directory."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from onefunnel.audit.verify import Anchor, Verdict, verify
from onefunnel.persistence.database import Database
from onefunnel.persistence.local_server import LocalServer
from onefunnel.persistence.urls import WORKER_ROLE, database_of
from standalone.host.borrowing import borrowed_server
from standalone.host.keys import internal_key
from standalone.host.stack import PACKAGES

ANCHORS: Final = "audit-anchors.json"


def verify_audits(data: Path) -> dict[str, dict[str, Any]]:
    """Walk the chain of every service; remember the heads of those that are whole."""
    before = read_anchors(data / ANCHORS)
    with borrowed_server(data) as server:
        verdicts = asyncio.run(_verdicts(server, internal_key(data).encode(), before))
    whole = {name: one.head for name, one in verdicts.items() if not one.breaks}
    _keep_anchors(data / ANCHORS, {**before, **whole})
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
    server: LocalServer, key: bytes, before: Mapping[str, Anchor]
) -> dict[str, Verdict]:
    found = {}
    for name in map(database_of, PACKAGES):
        database = Database(server.url(name, WORKER_ROLE), pool_size=1, name="onefunnel-audit")
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
