"""The driver's connection, as the three hot places and their neighbours use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:  # generic in the stubs alone
    Driver = asyncpg.Connection


class Undo(Exception):
    """Raised inside a savepoint to undo what was done in it, and go on."""


@asynccontextmanager
async def savepoint(driver: Driver) -> AsyncIterator[None]:
    """Undo what is done inside if anything is raised there; `Undo` itself goes no further.

    Turns begin and end by plain statements, so the driver's own nesting does not know of them.
    """
    await driver.execute("SAVEPOINT inside")
    try:
        yield
    except Undo:
        await driver.execute("ROLLBACK TO inside; RELEASE inside")
    except BaseException:
        if not driver.is_closed():
            await driver.execute("ROLLBACK TO inside; RELEASE inside")
        raise
    else:
        await driver.execute("RELEASE inside")
