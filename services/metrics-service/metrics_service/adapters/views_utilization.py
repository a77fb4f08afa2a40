"""Lead and content utilization, straight from the counters and asset rows of the live generation."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_cut import cut_sql, needs_org
from metrics_service.adapters.views_funnel import sums
from metrics_service.adapters.views_situation import SqlSituations
from metrics_service.application.metric import Window
from metrics_service.application.queries import recounted
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.utilization import (
    AssetRow,
    ContentDimension,
    LeadUseRow,
    SharerRow,
)
from metrics_service.projections.keys import LeadUseVector

_GROUPS: Final[dict[ContentDimension | None, str]] = {
    None: "''",
    "kind": "a.kind",
    "stage": "a.stage",
    "segment": "a.segment",
    "owner": "a.owner",
    "asset": "a.id::text",
}

# Expiry is the first day on which nobody should use it any more.
_ASSETS: Final = """
    SELECT a.id, {group}, a.published_on,
           least(coalesce(a.retired_on, :to), coalesce(a.expires_on, :to)),
           coalesce(sum(u.shares), 0)::bigint, coalesce(sum(u.deal_shares), 0)::bigint
    FROM asset a LEFT JOIN content_use_counter u
        ON u.asset_id = a.id AND u.day >= :from AND u.day < :to
    WHERE a.published_on < :to
      AND (a.retired_on IS NULL OR a.retired_on > :from)
      AND (a.expires_on IS NULL OR a.expires_on > :from)
    GROUP BY a.id, a.tenant_id ORDER BY a.id"""

_SHARERS: Final = text("""
    SELECT shared_by, count(DISTINCT asset_id)::int FROM content_use_counter
    WHERE day >= :from AND day < :to AND shared_by <> '' GROUP BY shared_by""")


class SqlUtilizationRows:
    """The rows of utilization for one read."""

    def __init__(self, conn: AsyncConnection, situations: SqlSituations) -> None:
        self._conn = conn
        self._situations = situations

    async def leads(self, cut: Cut, late_from: date) -> Sequence[LeadUseRow]:
        """Return the leads handed over on the days of the cut; from `late_from` on they are late."""
        if not cut.counted or cut.dimensions & {"product", "account"}:
            return recounted.lead_use(await self._situations.recount(cut), late_from)
        org = await self._situations.org() if needs_org(cut) else None
        sql = cut_sql(cut, org, day="c.handed_on")
        statement = f"""
            SELECT {sql.group}, c.handed_on >= :late, {sums(LeadUseVector._fields)}
            FROM lead_use_counter c {sql.joins}
            WHERE {sql.where} AND c.handed_on >= :from AND c.handed_on < :to GROUP BY 1, 2"""
        days = {"late": late_from, "from": cut.window.from_, "to": cut.window.to}
        found = await self._conn.execute(text(statement), {**sql.parameters, **days})
        return [LeadUseRow(group, late, LeadUseVector(*rest)) for group, late, *rest in found]

    async def assets(self, window: Window, group: ContentDimension | None) -> Sequence[AssetRow]:
        """Return the assets that were published, unexpired and not retired on some day of the window."""
        statement = text(_ASSETS.format(group=_GROUPS[group]))
        found = await self._conn.execute(statement, {"from": window.from_, "to": window.to})
        return [AssetRow(*row) for row in map(tuple, found)]

    async def sharers(self, window: Window) -> Sequence[SharerRow]:
        """Return who shared anything on the days of the window."""
        found = await self._conn.execute(_SHARERS, {"from": window.from_, "to": window.to})
        return [SharerRow(*row) for row in map(tuple, found)]
