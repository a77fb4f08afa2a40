"""DATA/erased.jsonl: who was erased, kept beside the database, for a database restored from before."""

import asyncio
from pathlib import Path
from typing import Final

from lead_service.main import list_erased, replay_erased
from onefunnel.repeating import now_and_then
from onefunnel.runtime import Runtime
from standalone.host.wiring import ERASED

EVERY_S: Final = 5.0


async def keep_erased(runtime: Runtime, data: Path, stop: asyncio.Event) -> None:
    """Keep the file as the database has it, until stopped: upkeep of the worker."""
    kept = data / ERASED

    async def bite() -> bool:
        found = await list_erased(runtime)
        if found != (kept.read_bytes() if kept.exists() else b""):
            unfinished = kept.with_suffix(".new")
            unfinished.write_bytes(found)
            unfinished.replace(kept)
        return False

    await now_and_then(bite, "who was erased", stop, every_s=EVERY_S)


async def erase_again(runtime: Runtime, data: Path) -> None:
    """Erase anew whom the database has and the file has not: nobody is served before."""
    kept = data / ERASED
    if kept.exists():
        await replay_erased(runtime, kept.read_bytes())
