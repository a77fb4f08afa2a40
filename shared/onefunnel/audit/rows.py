"""Rows of the audit: added in the transaction of the change, read by those who may."""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Final
from uuid import UUID

import asyncpg

from onefunnel.audit.entry import Entry, Marked
from onefunnel.audit.table import COLUMNS
from onefunnel.persistence.database import DriverConnection

_FIELDS: Final = tuple(field.name for field in fields(Entry))
_VALUES: Final = attrgetter(*_FIELDS)
_PLACES: Final = ", ".join(f"${n}" for n in range(1, len(_FIELDS) + 2))
_ADD: Final = f"""
WITH added AS (
    INSERT INTO audit ({COLUMNS}, mark) VALUES ({_PLACES}) RETURNING tenant_id, id
)
INSERT INTO audit_unsealed SELECT tenant_id, id FROM added"""
_PAGE: Final = f"""
SELECT {COLUMNS} FROM audit
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::text IS NULL OR principal_id = $3)
ORDER BY id DESC LIMIT $4"""


async def add(connection: DriverConnection, row: Marked) -> None:
    """Add a row in the open transaction: it is there if and only if the change is."""
    await connection.execute(_ADD, *_VALUES(row.entry), row.mark)


async def page(
    connection: DriverConnection,
    tenant_id: UUID,
    *,
    before: UUID | None,
    principal_id: str | None,
    limit: int,
) -> Sequence[Entry]:
    """Return the newest rows before `before`, those of one principal or of all."""
    rows = await connection.fetch(_PAGE, tenant_id, before, principal_id, limit)
    return [entry_of(row) for row in rows]


def entry_of(row: asyncpg.Record) -> Entry:
    """Return the entry of a row."""
    return Entry(**{name: row[name] for name in _FIELDS})
