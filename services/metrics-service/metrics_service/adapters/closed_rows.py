"""What a period's statements are made of, kept at its close: part of the book, written once."""

from uuid import UUID

from metrics_service.adapters.driver import Driver
from metrics_service.application.fold_ports import Period
from metrics_service.projections.definitions import Definitions

_RULES = """
    INSERT INTO public.closed_rules (tenant_id, period, cause_event_id, state)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING period"""

_DEALS = """
    INSERT INTO public.closed_deal (tenant_id, period, deal_id, deal_seq, people, facts)
    SELECT d.tenant_id, $2, d.id, d.deal_seq, array_agg(c.person_id ORDER BY c.person_id), d.facts
    FROM {schema}.deal_credit c
    JOIN {schema}.deal d ON d.id = c.deal_id AND d.tenant_id = c.tenant_id
    WHERE c.tenant_id = $1 AND c.booked_on BETWEEN $3 AND $4
    GROUP BY d.tenant_id, d.id, d.deal_seq, d.facts"""


async def freeze(
    driver: Driver, schema: str, tenant_id: UUID, period: Period, rules: Definitions, cause: UUID
) -> None:
    """Keep the won deals of a period with their rules; what was kept before stays as it is."""
    if await driver.fetchval(_RULES, tenant_id, period.name, cause, rules.dump()):
        statement = _DEALS.format(schema=schema)
        await driver.execute(statement, tenant_id, period.name, period.first, period.last)
