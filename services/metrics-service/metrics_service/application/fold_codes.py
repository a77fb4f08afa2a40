"""Small numbers for the names in the journal: topics, aggregates and event types.

A number is for ever. New names are added at the end of their list; nothing is moved or removed.
"""

from typing import Final

TOPICS: Final = (
    "onefunnel.pay.v1",
    "onefunnel.deal.v1",
    "onefunnel.directory.v1",
    "onefunnel.lead.v1",
    "onefunnel.scoring.v1",
    "onefunnel.content.v1",
    "onefunnel.feedback.v1",
    "onefunnel.view.v1",
    "onefunnel.crm.v1",
)

AGGREGATES: Final = (
    "none",
    "lead", "lead_score", "lead_rating", "deal", "asset", "feedback", "winloss",
    "tenant", "person", "account", "product", "campaign", "funnel", "definition",
    "plan", "assignment", "quota", "period", "adjustment",
    "subject",
)  # fmt: skip

TYPES: Final = (
    "onefunnel.lead.captured.v1",
    "onefunnel.lead.updated.v1",
    "onefunnel.lead.assigned.v1",
    "onefunnel.lead.accepted.v1",
    "onefunnel.lead.rejected.v1",
    "onefunnel.lead.recycled.v1",
    "onefunnel.lead.disqualified.v1",
    "onefunnel.lead.converted.v1",
    "onefunnel.lead.merged.v1",
    "onefunnel.touch.recorded.v1",
    "onefunnel.lead.scored.v1",
    "onefunnel.lead.qualified.v1",
    "onefunnel.lead.rated.v1",
    "onefunnel.lead.rating_reconciled.v1",
    "onefunnel.definition.activated.v1",
    "onefunnel.deal.created.v1",
    "onefunnel.deal.updated.v1",
    "onefunnel.deal.stage_changed.v1",
    "onefunnel.deal.won.v1",
    "onefunnel.deal.lost.v1",
    "onefunnel.deal.reopened.v1",
    "onefunnel.deal.cancelled.v1",
    "onefunnel.deal.refunded.v1",
    "onefunnel.deal.payment_received.v1",
    "onefunnel.activity.logged.v1",
    "onefunnel.content.published.v1",
    "onefunnel.content.retired.v1",
    "onefunnel.content.shared.v1",
    "onefunnel.content.rated.v1",
    "onefunnel.content.viewed.v1",
    "onefunnel.content.searched.v1",
    "onefunnel.feedback.submitted.v1",
    "onefunnel.feedback.answered.v1",
    "onefunnel.winloss.recorded.v1",
    "onefunnel.tenant.changed.v1",
    "onefunnel.person.changed.v1",
    "onefunnel.account.changed.v1",
    "onefunnel.product.changed.v1",
    "onefunnel.campaign.changed.v1",
    "onefunnel.campaign.spend_recorded.v1",
    "onefunnel.funnel.activated.v1",
    "onefunnel.plan.activated.v1",
    "onefunnel.plan.assigned.v1",
    "onefunnel.quota.set.v1",
    "onefunnel.period.closed.v1",
    "onefunnel.adjustment.posted.v1",
    "onefunnel.crm.change_received.v1",
    "onefunnel.subject.erased.v1",
)

TOPIC_CODE: Final = {name: code for code, name in enumerate(TOPICS, start=1)}
AGGREGATE_CODE: Final = {name: code for code, name in enumerate(AGGREGATES)}
TYPE_CODE: Final = {name: code for code, name in enumerate(TYPES, start=1)}
TYPE_NAME: Final = dict(enumerate(TYPES, start=1))
TOPIC_NAME: Final = dict(enumerate(TOPICS, start=1))
AGGREGATE_NAME: Final = dict(enumerate(AGGREGATES))
