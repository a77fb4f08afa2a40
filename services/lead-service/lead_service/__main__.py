"""`python -m lead_service [serve|migrate|work]`, or once: `erased` lists who was erased.

`erase-again` reads such a list and erases whom a restore has brought back.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from lead_service.main import list_erased, replay_erased
from onefunnel.runtime import Runtime
from onefunnel.service import run, run_once


def main() -> None:
    """Run a part of the service, or do one thing."""
    use = ONCE.get(" ".join(sys.argv[1:]))
    if use is None:
        run("lead_service")
        return
    run_once("lead_service", use)


async def _erased(runtime: Runtime) -> None:
    sys.stdout.write((await list_erased(runtime)).decode())


async def _erase_again(runtime: Runtime) -> None:
    again = await replay_erased(runtime, sys.stdin.buffer.read())
    sys.stdout.write(f"{again} erased again\n")


ONCE: Final[Mapping[str, Callable[[Runtime], Awaitable[None]]]] = {
    "erased": _erased,
    "erase-again": _erase_again,
}

if __name__ == "__main__":
    main()
