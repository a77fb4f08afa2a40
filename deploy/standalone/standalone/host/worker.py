"""The worker process: relays, folds and reactions of all services, away from the requests."""

import asyncio
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop

from onefunnel import tracing
from onefunnel.ops import answering
from onefunnel.service import stop_on_signals, watches_of, work
from onefunnel.telemetry import configure_logs
from standalone.host.erased import keep_erased
from standalone.host.processes import die_with
from standalone.host.stack import open_stack
from standalone.host.wiring import DATA, PARENT


async def run() -> None:
    """Run everything that runs in the background until SIGTERM, then let each finish its turn.

    If one of them fails, the process ends and the host starts it again.
    """
    stop = asyncio.Event()
    async with open_stack("worker") as stack:
        # Not before: until here there is nothing to finish, and a signal ends the process.
        stop_on_signals(stop)
        services = list(stack.services.values())
        async with answering(watches_of(services)):
            keeping = partial(keep_erased, stack.runtime, Path(os.environ[DATA]))
            runtime = replace(stack.runtime, upkeep=(*stack.runtime.upkeep, keeping))
            await work(services, runtime, stop)


def main() -> None:
    """Run the worker process."""
    die_with(int(os.environ[PARENT]))
    configure_logs("worker")
    tracing.start("onefunnel-worker")
    uvloop.run(run())


if __name__ == "__main__":
    main()
