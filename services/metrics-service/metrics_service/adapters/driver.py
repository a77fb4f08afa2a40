"""The driver's connection, as the three hot places and their neighbours use it."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:  # generic in the stubs alone
    Driver = asyncpg.Connection
