"""The entities that may have a part in a cut: a few typed columns narrow them, contributions decide."""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.application.queries.cut import Cut, too_many
from metrics_service.application.queries.org import ORG_LABELS
from metrics_service.application.queries.recount import Recount, Rules
from metrics_service.projections.facts import load_deal, load_journey

MAX_ENTITIES: Final = 50_000  # of a kind, in one answer: about a second of work

# A deal counts on days between its opening and its end, and on the days its lead entered a step.
_DEALS: Final = """
    SELECT d.id, d.facts FROM deal d LEFT JOIN journey j ON j.id = d.lead_id
    WHERE (d.state = 'open' OR greatest(d.created_on, d.closed_on) >= :from)
      AND (least(d.created_on, d.closed_on, j.captured_on) < :to
           OR d.created_on IS NULL AND d.closed_on IS NULL)
      AND {labels} LIMIT :limit"""

_LEADS: Final = """
    SELECT j.id, j.facts FROM journey j
    WHERE (j.ended_on IS NULL OR j.ended_on >= :from)
      AND (j.captured_on IS NULL OR j.captured_on < :to)
      AND {labels} LIMIT :limit"""

_COLUMN: Final = {"person": "owner"}
_OF_LEADS: Final = frozenset({"person", "source", "campaign", "segment"})


async def recount(conn: AsyncConnection, cut: Cut, rules: Rules) -> Recount:
    """Return the recount of a cut; raises `too-wide` where too many entities would have to be read."""
    days = {"from": cut.window.from_, "to": cut.window.to, "limit": MAX_ENTITIES + 1}
    deals_where, deals_values = _labels(cut, rules, "d")
    # What a deal adds to the steps of its lead is counted under the labels the lead had.
    deals_where = f"(d.lead_id IS NOT NULL OR {deals_where})"
    deals = await conn.execute(text(_DEALS.format(labels=deals_where)), {**days, **deals_values})
    found_deals = [(row.id, load_deal(row.facts)) for row in deals]
    leads_where, leads_values = _labels(cut, rules, "j")
    leads = await conn.execute(text(_LEADS.format(labels=leads_where)), {**days, **leads_values})
    found_leads = [(row.id, load_journey(row.facts)) for row in leads]
    if max(len(found_deals), len(found_leads)) > MAX_ENTITIES:
        raise too_many(MAX_ENTITIES)
    return Recount(cut, rules, deals=found_deals, leads=found_leads)


def _labels(cut: Cut, rules: Rules, table: str) -> tuple[str, dict[str, Any]]:
    """Return a condition that every entity with a part in the cut meets."""
    conditions, values = ["true"], dict[str, Any]()
    if cut.within is not None:
        values["seen_owners"] = [stretch.person for stretch in cut.within]
        conditions.append(f"{table}.owner = ANY(CAST(:seen_owners AS text[]))")
    for dimension, value in cut.filters.items():
        if dimension in ORG_LABELS and value:
            spans = rules.org.spans(dimension)
            values[f"{dimension}_owners"] = [s.person for s in spans if s.label == value]
            conditions.append(f"{table}.owner = ANY(CAST(:{dimension}_owners AS text[]))")
        elif dimension in _OF_LEADS or (table == "d" and dimension == "account"):
            values[f"is_{dimension}"] = value
            conditions.append(f"{table}.{_COLUMN.get(dimension, dimension)} = :is_{dimension}")
        elif table == "j" and value and dimension in {"product", "account"}:
            conditions.append("false")
    return " AND ".join(conditions), values
