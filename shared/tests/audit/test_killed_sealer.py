"""A sealer that is killed at any moment leaves a chain that the next one goes on with."""

import asyncio
import sys
from pathlib import Path

from onefunnel.audit.entry import Marks
from onefunnel.audit.sealer import seal
from onefunnel.testing.auditing import KEY
from onefunnel.testing.waiting import until

CHILD = Path(__file__).parents[1] / "children" / "sealer.py"


async def test_kill_9_of_a_sealer_loses_and_repeats_nothing(book):
    written = 0
    for _ in range(5):
        child = await asyncio.create_subprocess_exec(sys.executable, CHILD, book.fresh.worker_url)
        before = await book.owner.fetchval("SELECT n FROM audit_head")

        async def grown(before=before) -> bool:
            await book.write(20)
            nonlocal written
            written += 20
            return await book.owner.fetchval("SELECT n > $1 FROM audit_head", before)

        await until(grown)
        child.kill()
        await child.wait()

    async def all_sealed() -> bool:  # the server may still hold the dead one's lock for a moment
        await seal(book.worker, Marks(KEY))
        return await book.owner.fetchval("SELECT n = $1 FROM audit_head", written)

    await until(all_sealed)
    verdict = await book.verdict()
    assert (verdict.rows, verdict.right) == (written, True)
