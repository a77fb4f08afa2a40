"""The worker process: relays, folds and reactions of all services, away from the requests."""

import asyncio
import os
import signal

import uvloop

from onefunnel.service import Background
from standalone.host.processes import die_with
from standalone.host.stack import open_stack
from standalone.host.wiring import PARENT


async def work() -> None:
    """Run everything that runs in the background until SIGTERM, then let each finish its turn.

    If one of them raises, the process ends and the host starts it again.
    """
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_stack("worker") as stack, asyncio.TaskGroup() as group:
        for service in stack.services.values():
            for background in service.background:
                group.create_task(_run(background, stop))


async def _run(background: Background, stop: asyncio.Event) -> None:
    await background(stop)
    assert stop.is_set(), "a background task ended before it was told to"


def main() -> None:
    """Run the worker process."""
    die_with(int(os.environ[PARENT]))
    uvloop.run(work())


if __name__ == "__main__":
    main()
