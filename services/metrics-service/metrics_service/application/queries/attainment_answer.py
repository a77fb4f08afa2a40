"""What the attainment pages answer."""

from dataclasses import dataclass
from uuid import UUID

from metrics_service.application.metric import Metric
from metrics_service.application.queries.answer import Projection


@dataclass(frozen=True, slots=True)
class Attained:
    """How much of a quota was reached. Amounts are minor units of `currency`, or deals without one.

    `prorated` is the quota times eligible days over the days of the period, exactly; `attained` is
    decided on the exact fraction: 99.9999999 % is not 100 %.
    """

    person: UUID
    measure: str
    component: str | None
    plan: UUID | None
    plan_version: int | None
    assignment: UUID | None
    currency: str | None
    credited: int
    quota: int
    prorated: str
    eligible_days: int
    period_days: int
    attainment: Metric
    attained: bool


@dataclass(frozen=True, slots=True)
class TeamAttainment:
    """The people of one group who were eligible for the whole period; the others are counted apart."""

    key: str | None
    measure: str
    currency: str | None
    credited: int
    prorated: str
    attainment: Metric
    at_quota: Metric
    p25: str | None
    p50: str | None
    p75: str | None
    part_of_the_period: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttainmentAnswer(Projection):
    """Attainment in a period, person by person and together."""

    period: str
    group_by: str | None
    items: list[Attained]
    groups: list[TeamAttainment]
