"""Loading the demo company, once, in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from standalone.console.tables import say
from standalone.host.wiring import PARENT

DONE: Final = "demo.loaded"


async def load_demo(data: Path, url: str) -> None:
    """Load the demo company unless it is loaded; one that was cut off is finished."""
    if (data / DONE).exists():
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "standalone.demo",
        str(data),
        url,
        env={**os.environ, PARENT: str(os.getpid())},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if code == 0:
        (data / DONE).touch()
    else:
        say("  demo data   is not complete; the next start goes on with it")
