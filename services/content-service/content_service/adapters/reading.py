"""What buyers read, by day or by asset: counted from the views, so a view that proves a machine's leaves."""

from datetime import UTC, datetime, time
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.performance import COUNTED
from content_service.application.queries import Reading, ReadingFilter

_DAY: Final = "(v.viewed_at AT TIME ZONE 'UTC')::date"


async def find_reading(
    conn: AsyncConnection, tenant_id: UUID, wanted: ReadingFilter
) -> list[Reading]:
    """Return days in their order, or assets, the most viewed first."""
    key, order = (_DAY, "1") if wanted.by_day else ("v.asset_id", "2 DESC, 1")
    one = "AND v.asset_id = :asset_id" if wanted.asset_id is not None else ""
    statement = text(
        f"""SELECT {key}, count(*), count(DISTINCT v.viewer_id), sum(v.duration_ms)::bigint
            FROM viewing v
            WHERE v.tenant_id = :tenant_id AND {COUNTED} {one}
                AND v.viewed_at >= :start AND v.viewed_at < :end
            GROUP BY 1 ORDER BY {order} LIMIT :limit"""
    )
    midnight = time(tzinfo=UTC)
    asked: dict[str, object] = {
        "tenant_id": tenant_id,
        "start": datetime.combine(wanted.start, midnight),
        "end": datetime.combine(wanted.end, midnight),
        "limit": wanted.limit,
    }
    if wanted.asset_id is not None:
        asked |= {"asset_id": wanted.asset_id}
    return [Reading(*row) for row in map(tuple, await conn.execute(statement, asked))]
