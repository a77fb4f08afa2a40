"""The topics, by name and partition count. The prefix is a setting of the log, not of the language."""

from dataclasses import dataclass
from typing import Final

LEAD: Final = "onefunnel.lead.v1"
DEAL: Final = "onefunnel.deal.v1"
DIRECTORY: Final = "onefunnel.directory.v1"
SCORING: Final = "onefunnel.scoring.v1"
CONTENT: Final = "onefunnel.content.v1"
VIEW: Final = "onefunnel.view.v1"
FEEDBACK: Final = "onefunnel.feedback.v1"
PAY: Final = "onefunnel.pay.v1"
CRM: Final = "onefunnel.crm.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's shape; retention in days, None keeps it for ever."""

    name: str
    partitions: int = 12
    retention_days: int | None = None
    money: bool = False  # folded first, and an unknown type is a dead letter


TOPICS: Final = (
    Topic(PAY, money=True),
    Topic(DEAL, money=True),
    Topic(DIRECTORY, money=True),
    Topic(LEAD),
    Topic(SCORING),
    Topic(CONTENT),
    Topic(FEEDBACK),
    Topic(CRM),
    Topic(VIEW, partitions=24, retention_days=400),
)
