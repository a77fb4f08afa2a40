"""What `GET /v1/funnel` answers."""

from dataclasses import dataclass
from typing import Literal

from metrics_service.application.metric import Metric, Money
from metrics_service.application.queries.answer import CutAnswer
from metrics_service.application.queries.spread import Spread

FunnelMethod = Literal["cohort", "snapshot"]


@dataclass(frozen=True, slots=True)
class OpenNow:
    """What stands in a step at this moment, whenever it entered."""

    count: int
    amounts: list[Money]


@dataclass(frozen=True, slots=True)
class Matured:
    """What came of the entries whose conversion window is over: the base of the rate."""

    n: int
    converted: int
    lost: int


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """One step of one group. Of those first `entered` in the window: converted + lost + expired + not_yet.

    `reached` counts those that *began* in the window, whenever they reached the step: the base of
    `of_first` and `of_previous`. With method `snapshot` these compare entries of the same days, may
    exceed one, and nothing is said about what came of whom. The last step has nothing to convert to.
    """

    step: str
    owner: str
    entity: str
    window_days: int
    entered: int
    imputed: int
    amounts: list[Money]
    reached: int
    reached_amounts: list[Money]
    converted: int | None
    lost: int | None
    expired: int | None
    not_yet: int | None
    converted_ever: int | None
    mature: Matured | None
    conversion: Metric | None
    of_first: Metric
    of_previous: Metric | None
    open_now: OpenNow
    time_in_step: Spread
    explain: dict[str, str]
    drill: dict[str, str]


@dataclass(frozen=True, slots=True)
class FunnelGroup:
    """The steps of one group; `key` is an id or a code, "" where there is none, null without groups."""

    key: str | None
    steps: list[StepNumbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelAnswer(CutAnswer):
    """A funnel over some days: one owner per step, counts, amounts and rates side by side."""

    funnel: str
    funnel_version: int
    method: FunnelMethod
    groups: list[FunnelGroup]
