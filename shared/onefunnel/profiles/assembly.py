"""How a profile's parts become a runtime: the same for every profile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from onefunnel.clock import SystemClock
from onefunnel.log.port import EventLog
from onefunnel.profiles.clients import Clients
from onefunnel.profiles.databases import Databases
from onefunnel.runtime import Runtime
from onefunnel.wakeups import Wakeups

Part = Literal["web", "worker"]
Upkeep = Callable[[asyncio.Event], Awaitable[None]]


def runtime_on(
    databases: Databases,
    log: EventLog,
    *,
    internal_key: bytes,
    clients: Clients,
    wake: Callable[[], None],
    wakeups: Wakeups,
    check: Callable[[], Awaitable[None]],
    upkeep: Sequence[Upkeep] = (),
    vault_key: bytes = b"",
) -> Runtime:
    """Return the runtime over databases and a log; closing it closes all of them."""

    async def close() -> None:
        wakeups.detach()
        for closing in (clients.close, log.close, databases.close):
            await closing()

    return Runtime(
        database=databases.app,
        worker_database=databases.worker,
        log=log,
        clock=SystemClock(),
        internal_key=internal_key,
        client=clients,
        wake=wake,
        wakeups=wakeups,
        close=close,
        check=check,
        upkeep=upkeep,
        vault_key=vault_key,
    )
