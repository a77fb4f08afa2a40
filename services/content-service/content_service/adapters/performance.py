"""How an asset does, counted where it is stored: views by buyers, those by machines and own people apart."""

from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.application.queries import PageUse, Performance

MAX_PAGES: Final = 500

COUNTED: Final = "NOT (v.bot OR v.internal)"  # a view by a buyer

_VIEWS: Final = text(
    f"""SELECT count(*) FILTER (WHERE {COUNTED}) AS views,
              count(DISTINCT v.viewer_id) FILTER (WHERE {COUNTED}) AS viewers,
              coalesce(sum(v.duration_ms) FILTER (WHERE {COUNTED}), 0) AS duration_ms,
              coalesce(sum(v.pages_seen) FILTER (WHERE {COUNTED}), 0) AS pages_seen,
              coalesce(sum(e.pages) FILTER (WHERE {COUNTED}), 0) AS pages_offered,
              count(*) FILTER (WHERE v.bot AND NOT v.internal) AS bots,
              count(*) FILTER (WHERE v.internal) AS internal
       FROM viewing v
       JOIN asset_version e ON e.tenant_id = v.tenant_id AND e.id = v.asset_id AND e.number = v.number
       WHERE v.tenant_id = :tenant_id AND v.asset_id = :asset_id"""
)
_PAGES: Final = text(
    f"""SELECT p.page, count(*) AS views, sum(p.duration_ms) AS duration_ms
       FROM viewing v JOIN viewed_page p ON p.tenant_id = v.tenant_id AND p.id = v.id
       WHERE v.tenant_id = :tenant_id AND v.asset_id = :asset_id AND {COUNTED}
       GROUP BY p.page ORDER BY p.page LIMIT {MAX_PAGES}"""
)
_SHARES: Final = text(
    f"""SELECT count(*) AS shares, count(*) FILTER (WHERE EXISTS (
            SELECT FROM viewing v
            WHERE v.tenant_id = s.tenant_id AND v.share_id = s.id AND {COUNTED})) AS shares_viewed
       FROM share s WHERE s.tenant_id = :tenant_id AND s.asset_id = :asset_id"""
)
# The newest verdict of each person; a key without a person counts as one.
_RATINGS: Final = text(
    """SELECT count(*) AS raters, coalesce(sum(score), 0) AS rating_sum FROM (
           SELECT DISTINCT ON (coalesce(rated_by::text, principal_id)) score FROM asset_rating
           WHERE tenant_id = :tenant_id AND asset_id = :asset_id
           ORDER BY coalesce(rated_by::text, principal_id), rated_at DESC, id DESC) newest"""
)


async def performance_of(conn: AsyncConnection, tenant_id: UUID, asset_id: UUID) -> Performance:
    """Return the sums and counts of an asset that is known to exist."""
    key = {"tenant_id": tenant_id, "asset_id": asset_id}
    pages = (await conn.execute(_PAGES, key)).mappings()
    totals: dict[str, int] = {}
    for statement in (_VIEWS, _SHARES, _RATINGS):
        totals |= _whole((await conn.execute(statement, key)).mappings().one())
    by_page = [PageUse(**_whole(row)) for row in pages]
    return Performance(**totals, by_page=by_page)


def _whole(row: RowMapping) -> dict[str, int]:
    """Read counts and sums; PostgreSQL sums into a wider type than it adds."""
    return {str(name): int(value) for name, value in row.items()}
