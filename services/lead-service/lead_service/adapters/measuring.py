"""How the lead service stands with CRMs, in one number over all tenants."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.metrics import GaugeName
from onefunnel.persistence.database import driver_of

NAMES: Final[tuple[GaugeName, ...]] = ("crm_changes_waiting",)

_HELD_UP: Final = (
    "SELECT count(*) FROM crm_record WHERE problem_since < $1::timestamptz - interval '1 day'"
)


class AllTenants(Protocol):
    """Transactions under the worker role."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction over all tenants."""
        ...


class HeldUp:
    """Counts the records of CRMs against which something has stood for a day."""

    def __init__(self, database: AllTenants) -> None:
        self._database = database

    async def __call__(self, now: datetime) -> Mapping[GaugeName, float]:
        """Return the number by its name."""
        async with self._database.transaction() as conn:
            return {"crm_changes_waiting": float(await driver_of(conn).fetchval(_HELD_UP, now))}
