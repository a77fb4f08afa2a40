"""The funnel: who entered which step, how many went on, how long it took; by cohort or by snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from metrics_service.application.metric import Basis, Metric, Money, rate
from metrics_service.application.queries.answer import cut_head
from metrics_service.application.queries.cut import Cut, Links, open_deals
from metrics_service.application.queries.funnel_answer import (
    FunnelAnswer,
    FunnelGroup,
    FunnelMethod,
    Matured,
    OpenNow,
    StepNumbers,
)
from metrics_service.application.queries.refs import refs_of
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.spread import StepSpread, spread
from metrics_service.projections.funnel_steps import CompiledFunnel, StepDefinition
from metrics_service.projections.keys import FunnelVector, PipelineVector


@dataclass(frozen=True, slots=True)
class EntryRow:
    """Sums of one group and step; `mature` where the conversion window is over for every entry."""

    group: str
    step: str
    currency: str
    mature: bool
    sums: FunnelVector


@dataclass(frozen=True, slots=True)
class OpenRow:
    """What is open now in a step."""

    group: str
    step: str
    currency: str
    sums: PipelineVector


class FunnelRows(Protocol):
    """The sums that a funnel is made of."""

    async def entries(
        self, cut: Cut, funnel: CompiledFunnel, mature_before: Mapping[str, date]
    ) -> Sequence[EntryRow]:
        """Return what entered on the days of the cut; a day is mature before its step's date."""
        ...

    async def open_now(self, cut: Cut, funnel: CompiledFunnel, today: date) -> Sequence[OpenRow]:
        """Return what is open now, whenever it began."""
        ...

    async def stays(self, cut: Cut, funnel: CompiledFunnel) -> Sequence[StepSpread]:
        """Return how long completed visits took that ended on the days of the cut."""
        ...


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """Which funnel, over what, counted how."""

    cut: Cut
    method: FunnelMethod = "cohort"
    funnel: str = "default"


async def funnel(
    question: FunnelQuestion, *, situation: Situation, rows: FunnelRows
) -> FunnelAnswer:
    """Answer with every step of every group, counts and rates side by side."""
    cut = question.cut
    cut.check_narrow(counted=cut.counted_by_step)
    definition = situation.funnel(question.funnel)
    sums = _Sums(
        entries=await rows.entries(cut, definition, mature_before(definition, situation.today)),
        open_now=await rows.open_now(cut, definition, situation.today),
        stays=await rows.stays(cut, definition),
    )
    version = f"{definition.name} v{definition.version}"
    basis = Basis(question.method, version, cut.window)
    keys = sums.groups() if cut.group_by else [""]
    return FunnelAnswer(
        funnel=definition.name,
        funnel_version=definition.version,
        method=question.method,
        groups=[
            FunnelGroup(
                key=key if cut.group_by else None,
                steps=_Group(key, definition, sums, cut, basis).steps(),
            )
            for key in keys
        ],
        refs=refs_of(cut, keys),
        **cut_head(cut, situation, {"funnel": version}),
    )


def mature_before(funnel_: CompiledFunnel, today: date) -> dict[str, date]:
    """Return for each step the first day whose entries still have time: all earlier ones had theirs."""
    return {step.key: today - timedelta(days=step.window_days) for step in funnel_.definition.steps}


class _Sums:
    """The rows of an answer, by group and step."""

    def __init__(
        self,
        entries: Sequence[EntryRow],
        open_now: Sequence[OpenRow],
        stays: Sequence[StepSpread],
    ) -> None:
        self.entries: dict[tuple[str, str], list[EntryRow]] = {}
        self.open_now: dict[tuple[str, str], list[OpenRow]] = {}
        self.stays = {(row.group, row.step): row for row in stays}
        for row in entries:
            self.entries.setdefault((row.group, row.step), []).append(row)
        for open_ in open_now:
            self.open_now.setdefault((open_.group, open_.step), []).append(open_)

    def groups(self) -> list[str]:
        """Return every group that has something to show."""
        return sorted({group for group, _ in (*self.entries, *self.open_now)})

    def total(self, group: str, step: str, field: str) -> int:
        """Return a count over all currencies: things may be added, amounts may not."""
        return sum(getattr(row.sums, field) for row in self.entries.get((group, step), ()))

    def matured(self, group: str, step: str) -> Matured:
        """Return what came of the entries whose window is over."""
        rows = [row.sums for row in self.entries.get((group, step), ()) if row.mature]
        return Matured(
            n=sum(sums.entered for sums in rows),
            converted=sum(sums.converted for sums in rows),
            lost=sum(sums.lost for sums in rows),
        )

    def amounts(self, group: str, step: str, field: str) -> list[Money]:
        """Return the sum of an amount in each currency."""
        found: dict[str, int] = {}
        for row in self.entries.get((group, step), ()):
            if row.currency:
                found[row.currency] = found.get(row.currency, 0) + getattr(row.sums, field)
        return [Money(amount, currency) for currency, amount in sorted(found.items())]

    def open_in(self, group: str, step: str) -> OpenNow:
        """Return what is open now."""
        rows = self.open_now.get((group, step), ())
        found: dict[str, int] = {}
        for row in rows:
            if row.currency:
                found[row.currency] = found.get(row.currency, 0) + row.sums.amount_minor
        amounts = [Money(amount, currency) for currency, amount in sorted(found.items())]
        return OpenNow(count=sum(row.sums.open for row in rows), amounts=amounts)


class _Group:
    """One group's steps."""

    def __init__(
        self, key: str, funnel_: CompiledFunnel, sums: _Sums, cut: Cut, basis: Basis
    ) -> None:
        self._key = key
        self._sums = sums
        self._cut = cut
        self._basis = basis
        self._links_to = Links(cut.window, cut.of(key))
        self._steps = funnel_.definition.steps
        # What an earlier and a later step are compared by: journeys that began in the window, or
        # whatever entered in it.
        self._base = "reached" if basis.method == "cohort" else "entered"
        self._of = [sums.total(key, step.key, self._base) for step in self._steps]
        self._first = next((n for n in self._of if n), 0)

    def steps(self) -> list[StepNumbers]:
        """Return the numbers of every step in order."""
        return [self._step(rank, step) for rank, step in enumerate(self._steps)]

    def _step(self, rank: int, step: StepDefinition) -> StepNumbers:
        key, sums = self._key, self._sums
        parts = self._parts(rank, step)
        return StepNumbers(
            step=step.key,
            owner=step.owner,
            entity=step.entity,
            window_days=step.window_days,
            entered=sums.total(key, step.key, "entered"),
            imputed=sums.total(key, step.key, "imputed"),
            amounts=sums.amounts(key, step.key, "amount_minor"),
            reached=sums.total(key, step.key, "reached"),
            reached_amounts=sums.amounts(key, step.key, "reached_amount_minor"),
            of_first=self._share(rank, self._first, step),
            of_previous=self._share(rank, self._of[rank - 1], step) if rank else None,
            open_now=sums.open_in(key, step.key),
            time_in_step=spread(sums.stays.get((key, step.key))),
            explain=self._links(step, parts),
            drill=self._drill(step),
            **parts,
        )

    def _parts(self, rank: int, step: StepDefinition) -> dict[str, Any]:
        """Return what came of those that entered; of a snapshot and of the last step there is no such."""
        none = ("converted", "lost", "expired", "not_yet", "converted_ever", "mature")
        if rank == len(self._steps) - 1:
            return {**dict.fromkeys(none), "conversion": None}
        if self._basis.method == "snapshot":
            return {**dict.fromkeys(none), "conversion": self._flow(rank)}
        return self._cohort(step)

    def _cohort(self, step: StepDefinition) -> dict[str, Any]:
        key, sums = self._key, self._sums
        mature = sums.matured(key, step.key)
        entered = sums.total(key, step.key, "entered")
        converted = sums.total(key, step.key, "converted")
        lost = sums.total(key, step.key, "lost")
        expired = mature.n - mature.converted - mature.lost
        return {
            "converted": converted,
            "lost": lost,
            "expired": expired,
            "not_yet": entered - converted - lost - expired,
            "converted_ever": sums.total(key, step.key, "converted_ever"),
            "mature": mature,
            "conversion": rate(
                mature.converted,
                mature.n,
                self._basis,
                explain=self._link("funnel.converted", step, maturity="mature"),
            ),
        }

    def _flow(self, rank: int) -> Metric:
        """Return entries of the next step over entries of this one: quick, and it may exceed one."""
        following = self._steps[rank + 1]
        return rate(
            self._of[rank + 1],
            self._of[rank],
            self._basis,
            explain=self._link("funnel.entered", following),
        )

    def _share(self, rank: int, whole: int, step: StepDefinition) -> Metric:
        link = self._link(f"funnel.{self._base}", step)
        return rate(self._of[rank], whole, self._basis, explain=link)

    def _links(self, step: StepDefinition, parts: Mapping[str, object]) -> dict[str, str]:
        names = ["entered", "imputed", "reached"]
        names += [n for n in ("converted", "lost", "converted_ever") if parts[n] is not None]
        links = {name: self._link(f"funnel.{name}", step) for name in names}
        return {**links, "open_now": self._link("pipeline.open", step)}

    def _drill(self, step: StepDefinition) -> dict[str, str]:
        if step.entity != "deal":
            return {}
        return open_deals(self._cut.of(self._key), stage=step.key)

    def _link(self, metric: str, step: StepDefinition, **extra: str) -> str:
        return self._links_to.to(metric, step=step.key, **extra)
