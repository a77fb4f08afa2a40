"""Sales performance, straight from the counters of the live generation."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_cut import CutSql, cut_sql, needs_org
from metrics_service.adapters.views_funnel import spread_sql, sums
from metrics_service.adapters.views_situation import SqlSituations
from metrics_service.application.queries import recounted
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.recount import Recount
from metrics_service.application.queries.sales import OpenDeals, SalesRow
from metrics_service.application.queries.spread import StepSpread
from metrics_service.projections.keys import CYCLE, PipelineVector, SalesVector


class SqlSalesRows:
    """The rows of sales performance for one read."""

    def __init__(self, conn: AsyncConnection, situations: SqlSituations) -> None:
        self._conn = conn
        self._situations = situations

    async def sums(self, cut: Cut) -> Sequence[SalesRow]:
        """Return what was opened and closed on the days of the cut, by month."""
        if not cut.counted:
            return recounted.sales(await self._recount(cut))
        sql = await self._cut(cut, day="c.day")
        statement = f"""
            SELECT {sql.group}, date_trunc('month', c.day)::date, c.currency,
                   {sums(SalesVector._fields)}
            FROM sales_counter c {sql.joins}
            WHERE {sql.where} AND c.day >= :from AND c.day < :to GROUP BY 1, 2, 3"""
        found = await self._conn.execute(text(statement), _days(cut, sql))
        return [
            SalesRow(group, month, currency, SalesVector(*rest))
            for group, month, currency, *rest in found
        ]

    async def open_now(self, cut: Cut, today: date) -> Sequence[OpenDeals]:
        """Return the deals that are open now, in whatever step; leads are no deals."""
        if not cut.counted:
            return recounted.open_deals(await self._recount(cut))
        funnels = (await self._situations.situation()).definitions.funnels.values()
        sql = await self._cut(cut, day=":today")
        statement = f"""
            SELECT {sql.group}, c.currency, {sums(PipelineVector._fields)}
            FROM pipeline_counter c
            JOIN unnest(CAST(:funnels AS text[]), CAST(:versions AS int[]),
                        CAST(:steps AS text[])) AS s (funnel, version, step)
                ON s.funnel = c.funnel AND s.version = c.funnel_version AND s.step = c.step
            {sql.joins} WHERE {sql.where} GROUP BY 1, 2"""
        steps = [(f.name, f.version, step) for f in funnels for step in f.deal.keys]
        parameters: dict[str, Any] = {
            **sql.parameters,
            "funnels": [step[0] for step in steps],
            "versions": [step[1] for step in steps],
            "steps": [step[2] for step in steps],
        }
        if needs_org(cut):
            parameters["today"] = today
        found = await self._conn.execute(text(statement), parameters)
        return [
            OpenDeals(group, currency, PipelineVector(*rest)) for group, currency, *rest in found
        ]

    async def cycles(self, cut: Cut) -> Sequence[StepSpread]:
        """Return how long deals took that were won on the days of the cut, whatever their funnel."""
        if not cut.counted:
            return recounted.cycles(await self._recount(cut))
        sql = await self._cut(cut, day="c.ended_on")
        statement = spread_sql(sql, where="c.step = :cycle")
        found = await self._conn.execute(text(statement), {**_days(cut, sql), "cycle": CYCLE})
        return [StepSpread(*row) for row in found]

    async def _cut(self, cut: Cut, *, day: str) -> CutSql:
        org = await self._situations.org() if needs_org(cut) else None
        return cut_sql(cut, org, day=day)

    async def _recount(self, cut: Cut) -> Recount:
        return await self._situations.recount(cut)


def _days(cut: Cut, sql: CutSql) -> dict[str, Any]:
    return {**sql.parameters, "from": cut.window.from_, "to": cut.window.to}
