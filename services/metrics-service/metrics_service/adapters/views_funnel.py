"""The funnel's sums, straight from the counters of the live generation."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_cut import CutSql, cut_sql, needs_org
from metrics_service.adapters.views_situation import SqlSituations
from metrics_service.application.queries import recounted
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.funnel import EntryRow, OpenRow
from metrics_service.application.queries.recount import Recount
from metrics_service.application.queries.spread import StepSpread
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.keys import CYCLE, FunnelVector, PipelineVector

_DAYS: Final = "c.entered_on >= :from AND c.entered_on < :to"
_VERSION: Final = "c.funnel = :funnel AND c.funnel_version = :version"


def sums(fields: Sequence[str]) -> str:
    """Return the sums of a vector's fields as big integers, in the vector's order."""
    return ", ".join(f"sum(c.{name})::bigint AS {name}" for name in fields)


def spread_sql(cut: CutSql, *, where: str) -> str:
    """Return the statement for medians and 90th percentiles over whole days, exact by rank.

    The middle of an even number of stays is the mean of two: both ranks are looked up.
    """
    return f"""
        WITH stay AS (
            SELECT {cut.group} AS grp, c.step, c.whole_days, sum(c.visits)::bigint AS n
            FROM duration_counter c {cut.joins}
            WHERE {cut.where} AND {where}
              AND c.ended_on >= :from AND c.ended_on < :to
            GROUP BY 1, 2, 3),
        ranked AS (
            SELECT grp, step, whole_days,
                   sum(n) OVER (PARTITION BY grp, step ORDER BY whole_days)::bigint AS up_to,
                   sum(n) OVER (PARTITION BY grp, step)::bigint AS total
            FROM stay)
        SELECT grp, step, max(total),
               min(whole_days) FILTER (WHERE up_to >= (total + 1) / 2),
               min(whole_days) FILTER (WHERE up_to >= total / 2 + 1),
               min(whole_days) FILTER (WHERE up_to * 10 >= total * 9)
        FROM ranked GROUP BY grp, step"""


class SqlFunnelRows:
    """The funnel's rows for one read."""

    def __init__(self, conn: AsyncConnection, situations: SqlSituations) -> None:
        self._conn = conn
        self._situations = situations

    async def entries(
        self, cut: Cut, funnel: CompiledFunnel, mature_before: Mapping[str, date]
    ) -> Sequence[EntryRow]:
        """Return what entered on the days of the cut; a day is mature before its step's date."""
        if not cut.counted_by_step:
            return recounted.entries(await self._recount(cut), funnel, mature_before)
        sql = await self._cut(cut, day="c.entered_on")
        statement = f"""
            SELECT {sql.group}, c.step, c.currency, c.entered_on < m.before,
                   {sums(FunnelVector._fields)}
            FROM funnel_counter c
            JOIN unnest(CAST(:steps AS text[]), CAST(:before AS date[])) AS m (step, before)
                ON m.step = c.step {sql.joins}
            WHERE {_VERSION} AND {sql.where} AND {_DAYS}
            GROUP BY 1, 2, 3, 4"""
        parameters = {
            **self._question(cut, funnel, sql),
            "steps": list(mature_before),
            "before": list(mature_before.values()),
        }
        found = await self._conn.execute(text(statement), parameters)
        return [
            EntryRow(group, step, currency, mature, FunnelVector(*rest))
            for group, step, currency, mature, *rest in found
        ]

    async def open_now(self, cut: Cut, funnel: CompiledFunnel, today: date) -> Sequence[OpenRow]:
        """Return what is open now, whenever it began."""
        if not cut.counted_by_step:
            return recounted.open_now(await self._recount(cut), funnel)
        sql = await self._cut(cut, day=":today")
        statement = f"""
            SELECT {sql.group}, c.step, c.currency, {sums(PipelineVector._fields)}
            FROM pipeline_counter c {sql.joins}
            WHERE {_VERSION} AND {sql.where} GROUP BY 1, 2, 3"""
        parameters = self._question(cut, funnel, sql)
        if needs_org(cut):
            parameters["today"] = today
        found = await self._conn.execute(text(statement), parameters)
        return [
            OpenRow(group, step, currency, PipelineVector(*rest))
            for group, step, currency, *rest in found
        ]

    async def stays(self, cut: Cut, funnel: CompiledFunnel) -> Sequence[StepSpread]:
        """Return how long completed visits took that ended on the days of the cut."""
        if not cut.counted_by_step:
            return recounted.stays(await self._recount(cut), funnel)
        sql = await self._cut(cut, day="c.ended_on")
        statement = spread_sql(sql, where=f"{_VERSION} AND c.step <> '{CYCLE}'")
        found = await self._conn.execute(text(statement), self._question(cut, funnel, sql))
        return [StepSpread(*row) for row in found]

    async def _cut(self, cut: Cut, *, day: str) -> CutSql:
        org = await self._situations.org() if needs_org(cut) else None
        return cut_sql(cut, org, day=day)

    async def _recount(self, cut: Cut) -> Recount:
        return await self._situations.recount(cut)

    def _question(self, cut: Cut, funnel: CompiledFunnel, sql: CutSql) -> dict[str, Any]:
        return {
            **sql.parameters,
            "funnel": funnel.name,
            "version": funnel.version,
            "from": cut.window.from_,
            "to": cut.window.to,
        }
