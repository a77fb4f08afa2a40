"""An amount that a person decided to pay or take back, with the reason in words."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from onefunnel.errors import invalid
from onefunnel.events.plans import AdjustmentPosted
from onefunnel.events.values import Money, PersonId


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A posting by hand. `reason` is in words and sealed; the event carries `code` alone."""

    id: UUID
    person_id: PersonId
    at: datetime
    amount: Money
    reason: str = field(repr=False)
    code: str


def post(adjustment: Adjustment) -> tuple[Adjustment, AdjustmentPosted]:
    """Post an adjustment: never edited, taken back by another one."""
    if adjustment.amount.amount_minor == 0:
        raise invalid("An adjustment of nothing changes nothing.", pointer="/amount/amount_minor")
    return adjustment, AdjustmentPosted(
        adjustment_id=adjustment.id,
        person_id=adjustment.person_id,
        at=adjustment.at,
        amount_minor=adjustment.amount.amount_minor,
        currency=adjustment.amount.currency,
        reason=adjustment.code,
    )
