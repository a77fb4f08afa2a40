"""What was seen of content elsewhere, added up as it comes in."""

from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.connection import Connection
from gateway.domain.webhooks.reading import Look
from onefunnel.persistence.database import driver_of

# Machines and people of ours are kept and told to nobody.
_NOTE: Final = """
INSERT INTO content_view (tenant_id, connection_id, view_id, delivery_id, viewed_at, document_id,
    link_id, machine, internal, pages, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, 1)
ON CONFLICT (tenant_id, connection_id, view_id) DO UPDATE SET
    viewed_at = least(content_view.viewed_at, excluded.viewed_at),
    link_id = coalesce(nullif(content_view.link_id, ''), excluded.link_id),
    machine = content_view.machine OR excluded.machine,
    internal = content_view.internal OR excluded.internal,
    pages = CASE WHEN $11::text IS NULL THEN content_view.pages ELSE jsonb_set(content_view.pages,
        ARRAY[$11::text], to_jsonb(coalesce((content_view.pages ->> $11)::bigint, 0) + $12::bigint))
        END,
    version = content_view.version + 1, attempts = 0, parked = FALSE, due_at = '-infinity'"""


async def note_look(
    conn: AsyncConnection, connection: Connection, delivery_id: UUID, look: Look, at: datetime
) -> None:
    """Add what was seen of a view to what is known of it."""
    page = str(look.page) if look.page else None
    pages = orjson.dumps({page: look.duration_ms} if page else {}).decode()
    await driver_of(conn).execute(
        _NOTE,
        connection.tenant_id,
        connection.id,
        look.view_id,
        delivery_id,
        at,
        look.document_id,
        look.link_id,
        look.machine,
        look.internal,
        pages,
        page,
        look.duration_ms,
    )
