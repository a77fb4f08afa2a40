"""Explaining numbers that no counter holds: credit against a quota, assets that were used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from metrics_service.application.metric import Window
from metrics_service.application.queries.attainment import credited_amount
from metrics_service.application.queries.explain import Part
from metrics_service.application.queries.pay_rows import PayRows
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.utilization import (
    AssetRow,
    ContentDimension,
    UtilizationRows,
    active_days_of,
)
from metrics_service.projections.definitions import Quota
from metrics_service.projections.facts import DealFacts
from metrics_service.projections.pay.statement import credited_deals
from metrics_service.projections.walk_deal import booked

QUOTA_CREDITED: Final = "quota.credited"
CONTENT_USED: Final = "content.used"


@dataclass(frozen=True, slots=True)
class QuotaPart:
    """Whose credit, of which measure, under which component if it is one of pay."""

    person: UUID
    measure: str
    component: str | None
    window: Window


async def quota_parts(asked: QuotaPart, situation: Situation, rows: PayRows) -> list[Part]:
    """Return the deals that a person is credited with, and with how much."""
    last = asked.window.to - timedelta(days=1)
    deals = await rows.credited(asked.person, asked.window.from_, last)
    found = [
        Part("deal", deal_id, amount, (_booked_on(facts, situation),))
        for deal_id, facts, _sequence in deals
        if (amount := _credited(asked, deal_id, facts, situation))
    ]
    return sorted(found)


def _credited(
    asked: QuotaPart, deal_id: UUID, facts: DealFacts, situation: Situation
) -> int | None:
    rules = situation.definitions
    if asked.component is None:
        quota = _quota(asked)
        return credited_amount(facts, quota, rules.calendar.currency)
    vectors = [
        deal.vector
        for rule, deal in credited_deals(deal_id, facts, asked.person, rules)
        if rule.component.id == asked.component
    ]
    if asked.measure == "count":
        return sum(vector.deals for vector in vectors)
    return sum(vector.base_minor for vector in vectors)


def _quota(asked: QuotaPart) -> Quota:
    """Return a quota of the right kind: what counts against it does not depend on its size."""
    one = 1 if asked.measure == "count" else None
    return Quota(0, asked.person, asked.person, asked.measure, None, "", None, None, one)


def _booked_on(facts: DealFacts, situation: Situation) -> date:
    booking = booked(facts)
    assert booking is not None, "only won deals are credited"
    return situation.definitions.days.day(booking.at)


@dataclass(frozen=True, slots=True)
class ContentPart:
    """Which assets: active for so many days in the window, of one group."""

    window: Window
    active_days: int
    group: tuple[ContentDimension, str] | None = None


async def content_parts(asked: ContentPart, rows: UtilizationRows) -> list[Part]:
    """Return the assets that were shared on a deal, each counting once."""
    dimension = asked.group[0] if asked.group else None
    assets: Iterable[AssetRow] = await rows.assets(asked.window, dimension)
    return sorted(
        Part("asset", row.asset_id, 1, ())
        for row in assets
        if row.deal_shares
        and active_days_of(row, asked.window) >= asked.active_days
        and (asked.group is None or row.group == asked.group[1])
    )


DRILL: Final[Mapping[str, str]] = {
    "deal": "/v1/deals/",
    "lead": "/v1/leads/",
    "asset": "/v1/content/",
}
