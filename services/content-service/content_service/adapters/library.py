"""Finding assets: filters, full-text search, pages by key."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Select, and_, cast, func, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.assets import asset_from
from content_service.adapters.tables import ASSET, SEARCH_VECTOR
from content_service.application.queries import AssetView, Found, LibraryFilter

_ENGLISH: Final[Any] = literal_column("'english'::regconfig")
# A rank is a small fraction; as a whole number it can stand in a cursor.
_RANK_SCALE: Final = 1_000_000


async def find_assets(conn: AsyncConnection, tenant_id: UUID, wanted: LibraryFilter) -> Found:
    """Return one page of the assets that were asked for."""
    matching = _matching(tenant_id, wanted).cte("matching")
    total = await conn.scalar(select(func.count()).select_from(matching))
    query = select(matching)
    if wanted.words is None:
        order = [matching.c.published_at.desc(), matching.c.id.desc()]
        place = tuple_(matching.c.published_at, matching.c.id)
    else:
        order = [matching.c.rank.desc(), matching.c.id.desc()]
        place = tuple_(matching.c.rank, matching.c.id)
    if wanted.after is not None:
        query = query.where(place < tuple_(*wanted.after))
    rows = await conn.execute(query.order_by(*order).limit(wanted.limit))
    views = [AssetView(asset_from(row), row["version"], row["rank"]) for row in rows.mappings()]
    return Found(views, int(total or 0))


def _matching(tenant_id: UUID, wanted: LibraryFilter) -> Select[Any]:
    rank: Any = literal_column("0", Integer)
    conditions: list[Any] = [ASSET.c.tenant_id == tenant_id, *_filters(wanted)]
    if wanted.words is not None:
        asked = func.websearch_to_tsquery(_ENGLISH, wanted.words)
        conditions.append(SEARCH_VECTOR.op("@@")(asked))
        rank = cast(func.ts_rank_cd(SEARCH_VECTOR, asked) * _RANK_SCALE, Integer)
    return select(ASSET, rank.label("rank")).where(and_(*conditions))


def _filters(wanted: LibraryFilter) -> list[Any]:
    exact = {
        "kind": wanted.kind,
        "stage": wanted.stage,
        "segment": wanted.segment,
        "owner_id": wanted.owner_id,
    }
    found = [ASSET.c[name] == value for name, value in exact.items() if value is not None]
    return [*found, *_standing(wanted)]


def _standing(wanted: LibraryFilter) -> list[Any]:
    retired = ASSET.c.retired_at.is_not(None)
    current = or_(ASSET.c.expires_on.is_(None), ASSET.c.expires_on > wanted.today)
    conditions: dict[str | None, list[Any]] = {
        "active": [~retired, current],
        "expired": [~retired, ASSET.c.expires_on <= wanted.today],
        "retired": [retired],
        None: [],
    }
    return conditions[wanted.standing]
