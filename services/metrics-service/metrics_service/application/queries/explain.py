"""Explaining a number: the entities behind it, their events, and the sum that must be the number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.explain_answer import EntityKind, SeenEvent
from metrics_service.application.queries.funnel import FunnelRows, mature_before
from metrics_service.application.queries.recount import Recount
from metrics_service.application.queries.sales import SalesRows
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.utilization import UtilizationRows
from metrics_service.projections.funnel_steps import CompiledFunnel
from metrics_service.projections.keys import (
    DurationKey,
    DurationVector,
    FunnelKey,
    FunnelVector,
    Key,
    LeadUseKey,
    LeadUseVector,
    PipelineKey,
    PipelineVector,
    SalesKey,
    SalesVector,
    Vector,
)
from onefunnel.errors import invalid

Family = Literal["funnel", "pipeline", "sales", "stays", "leads"]


class Counted(NamedTuple):
    """A family of metrics: the counters it comes from."""

    kind: type[Key]
    vector: type[Vector]
    by_step: bool


FAMILIES: Final[Mapping[str, Counted]] = {
    "funnel": Counted(FunnelKey, FunnelVector, by_step=True),
    "pipeline": Counted(PipelineKey, PipelineVector, by_step=True),
    "stays": Counted(DurationKey, DurationVector, by_step=True),
    "sales": Counted(SalesKey, SalesVector, by_step=False),
    "leads": Counted(LeadUseKey, LeadUseVector, by_step=False),
}
METRICS: Final = tuple(
    f"{name}.{field}" for name, family in FAMILIES.items() for field in family.vector._fields
)


class ExplainRows(Protocol):
    """What an explanation reads beyond the entities themselves."""

    async def events(
        self, entities: Sequence[tuple[EntityKind, UUID]]
    ) -> Mapping[UUID, list[SeenEvent]]:
        """Return the folded events of entities, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class ExplainQuestion:
    """Which number of which cut; a step where the metric has one; a currency where it is money."""

    metric: str
    cut: Cut
    step: str | None = None
    currency: str | None = None
    mature: bool = False
    funnel: str = "default"

    @property
    def family(self) -> Counted:
        """The counters that the metric comes from."""
        return FAMILIES[self.metric.partition(".")[0]]

    @property
    def field(self) -> str:
        """The field of the vector."""
        return self.metric.partition(".")[2]

    def check(self, situation: Situation) -> None:
        """Refuse a step that the funnel does not have, and amounts of no currency in particular."""
        if self.field.endswith("_minor") and self.currency is None:
            raise invalid("Name the currency: amounts are never added.", pointer="/currency")
        if not self.family.by_step:
            return
        steps = [step.key for step in situation.funnel(self.funnel).definition.steps]
        if self.step not in steps:
            raise invalid(f"The steps of this funnel: {', '.join(steps)}.", pointer="/step")


class Part(NamedTuple):
    """One entity's part in a number."""

    entity: EntityKind
    id: UUID
    amount: int
    days: tuple[date, ...]


def parts(question: ExplainQuestion, recount: Recount, situation: Situation) -> list[Part]:
    """Return every entity with a part in the number, sorted: the facts asked again."""
    funnel = situation.funnel(question.funnel) if question.family.by_step else None
    found: dict[tuple[EntityKind, UUID], tuple[int, set[date]]] = {}
    for hit in recount.hits(question.family.kind):
        amount = getattr(hit.vector, question.field)
        if amount and _is_asked(question, hit.key, funnel, situation):
            known, days = found.get((hit.entity, hit.id), (0, set[date]()))
            found[hit.entity, hit.id] = (known + amount, days | _days_of(hit.key))
    return [
        Part(entity, id_, amount, tuple(sorted(days)))
        for (entity, id_), (amount, days) in sorted(found.items())
    ]


def _is_asked(
    question: ExplainQuestion, key: Any, funnel: CompiledFunnel | None, situation: Situation
) -> bool:
    if funnel is not None:
        if (key.funnel, key.funnel_version, key.step) != (
            funnel.name,
            funnel.version,
            question.step,
        ):
            return False
        if question.mature and isinstance(key, FunnelKey):
            return key.entered_on < mature_before(funnel, situation.today)[key.step]
    currency = getattr(key, "currency", None)
    return question.currency is None or currency is None or currency == question.currency


def _days_of(key: Any) -> set[date]:
    return {
        getattr(key, name)
        for name in ("entered_on", "day", "ended_on", "handed_on")
        if hasattr(key, name)
    }


class Counters(NamedTuple):
    """The rows that the pages with numbers are made of."""

    funnel: FunnelRows
    sales: SalesRows
    utilization: UtilizationRows


async def counter(question: ExplainQuestion, situation: Situation, rows: Counters) -> int | None:
    """Return what the projection has for the same question; None where no counter knows it."""
    cut = question.cut
    family = question.metric.partition(".")[0]
    if not (cut.counted if family == "sales" else cut.counted_by_step):
        return None
    sums = await _SUMS[family](question, situation, rows) if family in _SUMS else None
    return None if sums is None else sum(getattr(vector, question.field) for vector in sums)


async def _funnel(
    question: ExplainQuestion, situation: Situation, rows: Counters
) -> list[FunnelVector]:
    funnel = situation.funnel(question.funnel)
    found = await rows.funnel.entries(question.cut, funnel, mature_before(funnel, situation.today))
    return [
        row.sums
        for row in found
        if row.step == question.step
        and question.currency in (None, row.currency)
        and (row.mature or not question.mature)
    ]


async def _pipeline(
    question: ExplainQuestion, situation: Situation, rows: Counters
) -> list[PipelineVector]:
    funnel = situation.funnel(question.funnel)
    found = await rows.funnel.open_now(question.cut, funnel, situation.today)
    return [
        row.sums
        for row in found
        if row.step == question.step and question.currency in (None, row.currency)
    ]


async def _stays(
    question: ExplainQuestion, situation: Situation, rows: Counters
) -> list[DurationVector]:
    found = await rows.funnel.stays(question.cut, situation.funnel(question.funnel))
    return [DurationVector(row.n) for row in found if row.step == question.step]


async def _sales(
    question: ExplainQuestion, _situation: Situation, rows: Counters
) -> list[SalesVector]:
    found = await rows.sales.sums(question.cut)
    return [row.sums for row in found if question.currency in (None, row.currency)]


async def _leads(
    question: ExplainQuestion, situation: Situation, rows: Counters
) -> list[LeadUseVector]:
    return [row.sums for row in await rows.utilization.leads(question.cut, situation.today)]


_SUMS: Final[Mapping[str, Any]] = {
    "funnel": _funnel,
    "pipeline": _pipeline,
    "stays": _stays,
    "sales": _sales,
    "leads": _leads,
}
