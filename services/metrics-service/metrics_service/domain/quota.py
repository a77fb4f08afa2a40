"""What a person is expected to sell in a period."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from onefunnel.errors import invalid
from onefunnel.events.plans import QuotaSet
from onefunnel.events.values import Currency, PersonId

QuotaMeasure = Literal["revenue", "margin", "count"]


@dataclass(frozen=True, slots=True)
class Quota:
    """A person's quota for a measure and a period, for one component of the plan or for the person."""

    id: UUID
    person_id: PersonId
    measure: QuotaMeasure
    period: str
    component: str | None = None
    currency: Currency | None = None
    amount_minor: int | None = None
    count: int | None = None


def set_quota(quota: Quota) -> tuple[Quota, QuotaSet]:
    """Set a quota; a later one for the same person, measure, component and period replaces it."""
    _check(quota)
    return quota, QuotaSet(
        quota_id=quota.id,
        person_id=quota.person_id,
        measure=quota.measure,
        component=quota.component,
        period=quota.period,
        currency=quota.currency,
        amount_minor=quota.amount_minor,
        count=quota.count,
    )


def _check(quota: Quota) -> None:
    wanted, other = ("count", "amount_minor")
    if quota.measure != "count":
        wanted, other = other, wanted
    value = getattr(quota, wanted)
    if value is None or getattr(quota, other) is not None:
        raise invalid(
            f"A quota on this measure has {wanted} and not {other}.", pointer=f"/{wanted}"
        )
    if value <= 0:
        raise invalid("A quota is more than zero: attainment divides by it.", pointer=f"/{wanted}")
