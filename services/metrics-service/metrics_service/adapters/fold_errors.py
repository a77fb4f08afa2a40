"""Which database errors come from outside and go away, and which come from the data and stay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from metrics_service.application.fold_ports import AlreadyWritten, Retry

# Classes of SQLSTATE that say something about the data: bad values and broken constraints. All
# others (connections, deadlocks, locks, resources, a restart, our own SQL) never dead-letter.
_ABOUT_DATA: Final = ("22", "23")


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise `Retry` for what is not about the data, `AlreadyWritten` for a journal that knew more."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "journal_pkey":
            raise AlreadyWritten(str(error)) from error
        if error.table_name in {"parked_event", "stream"}:
            raise Retry(str(error)) from error
        raise
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_ABOUT_DATA):
            raise
        raise Retry(f"{type(error).__name__}: {error}") from error
    except asyncpg.InternalClientError as error:  # the server ended the connection in between
        raise Retry(f"{type(error).__name__}: {error}") from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):  # a value that the protocol cannot carry
            raise
        raise Retry(str(error)) from error
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise Retry(f"{type(error).__name__}: {error}") from error
