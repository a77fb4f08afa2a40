"""Which events leave the house by webhook, and which of their fields: a list, so that a new field stays in.

Data is thin: ids, codes, times and amounts in minor units. Names, words and what a person earns are
not in it; whoever may see those reads them by id.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

EventName = Literal[
    "lead.captured",
    "lead.updated",
    "lead.assigned",
    "lead.accepted",
    "lead.rejected",
    "lead.recycled",
    "lead.disqualified",
    "lead.converted",
    "lead.merged",
    "lead.qualified",
    "lead.rated",
    "lead.rating_reconciled",
    "deal.created",
    "deal.updated",
    "deal.stage_changed",
    "deal.won",
    "deal.lost",
    "deal.reopened",
    "deal.cancelled",
    "deal.refunded",
    "deal.payment_received",
    "period.closed",
]
TEST: Final = "webhook.test"


class Published(NamedTuple):
    """One type as it is published, and the fields of the event that go along."""

    name: EventName
    fields: frozenset[str]


def _published(name: EventName, fields: str) -> tuple[str, Published]:
    return f"onefunnel.{name}.v1", Published(name, frozenset(fields.split()))


# By the type that the event has in the log.
PUBLISHED: Final[Mapping[str, Published]] = dict((
    _published("lead.captured", "lead_id captured_at funnel source campaign_id segment owner_id"),
    _published("lead.updated", "lead_id source campaign_id segment captured_at"),
    _published("lead.assigned", "lead_id owner_id assigned_at"),
    _published("lead.accepted", "lead_id accepted_by accepted_at"),
    _published("lead.rejected", "lead_id rejected_by rejected_at reason_class"),
    _published("lead.recycled", "lead_id recycled_at until reason"),
    _published("lead.disqualified", "lead_id disqualified_at reason"),
    _published("lead.converted", "lead_id deal_id converted_at"),
    _published("lead.merged", "lead_id into_lead_id merged_at"),
    _published("lead.qualified", "lead_id definition_version qualified_at"),
    _published("lead.rated", "lead_id side score rated_at definition_version"),
    _published("lead.rating_reconciled", "lead_id score method decided_at"),
    _published(
        "deal.created",
        "deal_id created_at funnel stage owner_id amount account_id product_id source campaign_id"
        " segment expected_close_on",
    ),
    _published(
        "deal.updated",
        "deal_id owner_id amount account_id product_id source campaign_id segment expected_close_on"
        " created_at",
    ),
    _published("deal.stage_changed", "deal_id from to at corrects"),
    _published("deal.won", "deal_id version at currency"),
    _published("deal.lost", "deal_id at outcome competitor reason"),
    _published("deal.reopened", "deal_id at"),
    _published("deal.cancelled", "deal_id at"),
    _published("deal.refunded", "deal_id refund_id at fraction"),
    _published("deal.payment_received", "deal_id payment_id at amount"),
    _published("period.closed", "period_id period closed_at"),
))  # fmt: skip


def thin(published: Published, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a webhook carries of an event's data."""
    found = {name: data[name] for name in published.fields if name in data}
    if published.name == "deal.won":
        found["revenue_minor"] = sum(line["revenue_minor"] for line in data["lines"])
    return dict(sorted(found.items()))
