"""What was shared of an asset, and how each link was read."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.assets import share_from
from content_service.adapters.performance import COUNTED
from content_service.application.queries import ShareFilter, ShareView

_SHARES: Final = text(
    f"""SELECT s.*, v.views, v.duration_ms, v.last_viewed_at FROM share s CROSS JOIN LATERAL (
           SELECT count(*) AS views, coalesce(sum(v.duration_ms), 0) AS duration_ms,
               max(v.viewed_at) AS last_viewed_at
           FROM viewing v
           WHERE v.tenant_id = s.tenant_id AND v.share_id = s.id AND {COUNTED}
               AND NOT v.anonymous) v
       WHERE s.tenant_id = :tenant_id AND s.asset_id = :asset_id
           AND (NOT :own OR s.shared_by = CAST(:person_id AS uuid))
           AND (s.shared_at, s.id) < (:shared_at, :id)
       ORDER BY s.shared_at DESC, s.id DESC LIMIT :limit"""
)
_BEFORE_ALL: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))


async def find_shares(
    conn: AsyncConnection, tenant_id: UUID, wanted: ShareFilter
) -> list[ShareView]:
    """Return what was shared of an asset, newest first."""
    shared_at, id_ = wanted.after or _BEFORE_ALL
    asked = {
        "tenant_id": tenant_id,
        "asset_id": wanted.asset_id,
        "own": wanted.own,
        "person_id": wanted.person_id,
        "shared_at": shared_at,
        "id": id_,
        "limit": wanted.limit,
    }
    found = await conn.execute(_SHARES, asked)
    return [
        ShareView(
            share=share_from(row),
            views=row["views"],
            duration_ms=int(row["duration_ms"]),
            last_viewed_at=row["last_viewed_at"],
        )
        for row in found.mappings()
    ]
