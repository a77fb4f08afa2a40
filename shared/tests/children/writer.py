"""A writer in a process of its own: `writer.py APP_URL N`. Says each lead that was acknowledged."""

import asyncio
import sys

from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.testing.faults import install_from_environment
from onefunnel.testing.small_service import write


async def main(app_url: str, n: str) -> None:
    database = Database(app_url, pool_size=1, name="writer-child")
    for _ in range(int(n)):
        lead = new_id()
        await write(database, lead, 1, events=2)
        sys.stdout.write(f"{lead}\n")
        sys.stdout.flush()
    await database.close()


install_from_environment()
asyncio.run(main(*sys.argv[1:]))
