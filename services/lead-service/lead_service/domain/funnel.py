"""Funnel definitions: ordered steps, one owner each, in versions that both sides agree on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from lead_service.domain.values import MAX_FUNNEL_VERSIONS, MAX_STEPS
from onefunnel.errors import broken_rule, conflict, not_found
from onefunnel.events.directory import FunnelActivated, FunnelStep

Entity = Literal["lead", "deal"]
Side = Literal["marketing", "sales"]
WON: Final = "deal.won"
ENTRIES: Final[dict[str, Entity]] = {
    "lead.captured": "lead",
    "lead.qualified": "lead",
    "lead.accepted": "lead",
    "lead.converted": "lead",
    "deal.created": "deal",
    "deal.stage_changed": "deal",
    WON: "deal",
}


@dataclass(frozen=True, slots=True)
class DraftStep:
    """A step as it was proposed: owner and entry rule may still be open."""

    key: str
    entity: Entity
    owner: Side | None = None
    entry: str | None = None
    window_days: int = 30


@dataclass(frozen=True, slots=True)
class FunnelVersion:
    """One proposal of a funnel; once activated it stays as it is."""

    version: int
    steps: tuple[DraftStep, ...]
    activated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Funnel:
    """A way of selling, by its code, with all its versions."""

    id: UUID
    code: str
    versions: tuple[FunnelVersion, ...] = ()
    active: int | None = None

    def propose(self, steps: tuple[DraftStep, ...]) -> "Funnel":
        """Add a version; it changes nothing until it is activated."""
        if len(self.versions) >= MAX_FUNNEL_VERSIONS:
            raise broken_rule(f"A funnel has at most {MAX_FUNNEL_VERSIONS} versions.")
        _check_steps(steps)
        return replace(
            self, versions=(*self.versions, FunnelVersion(len(self.versions) + 1, steps))
        )

    def activate(self, version: int, at: datetime) -> tuple["Funnel", FunnelActivated]:
        """Put a version in force. Every step needs exactly one owner and an entry rule."""
        chosen = next((v for v in self.versions if v.version == version), None)
        if chosen is None:
            raise not_found("funnel version")
        if self.active is not None and version <= self.active:
            raise conflict("A newer or the same version is in force; propose the steps again.")
        steps = tuple(_agreed(step) for step in _ready(chosen.steps))
        event = FunnelActivated(funnel_id=self.id, funnel=self.code, version=version, steps=steps)
        in_force = replace(chosen, activated_at=at)
        versions = tuple(in_force if v is chosen else v for v in self.versions)
        return replace(self, versions=versions, active=version), event

    @property
    def steps(self) -> tuple[DraftStep, ...]:
        """Return the steps in force; none before the first activation."""
        return next((v.steps for v in self.versions if v.version == self.active), ())

    def stages(self) -> tuple[str, ...]:
        """Return the steps that an open deal can be in."""
        return tuple(s.key for s in self.steps if s.entity == "deal" and s.entry != WON)

    def check_stage(self, stage: str, pointer: str) -> None:
        """Refuse an unknown step and say which ones there are."""
        if stage not in self.stages():
            known = ", ".join(self.stages()) or "none"
            raise broken_rule(
                f"There is no such step for an open deal; known: {known}.", pointer=pointer
            )


def _check_steps(steps: tuple[DraftStep, ...]) -> None:
    if not 1 <= len(steps) <= MAX_STEPS:
        raise broken_rule(f"A funnel has 1 to {MAX_STEPS} steps.", pointer="/steps")
    if len({s.key for s in steps}) < len(steps):
        raise broken_rule("Two steps have the same key.", pointer="/steps")
    for n, step in enumerate(steps):
        if step.entry is not None and ENTRIES.get(step.entry) != step.entity:
            allowed = ", ".join(e for e, entity in ENTRIES.items() if entity == step.entity)
            raise broken_rule(
                f"This step is entered by one of: {allowed}.", pointer=f"/steps/{n}/entry"
            )
    entities = [s.entity for s in steps]
    if entities != sorted(entities, key=("lead", "deal").index):
        raise broken_rule("Steps of leads come before steps of deals.", pointer="/steps")
    if any(s.entry == WON for s in steps[:-1]):
        raise broken_rule("The step entered by deal.won is the last one.", pointer="/steps")


def _ready(steps: tuple[DraftStep, ...]) -> tuple[DraftStep, ...]:
    _refuse("an owner (marketing or sales)", (s.key for s in steps if s.owner is None))
    _refuse("an entry rule", (s.key for s in steps if s.entry is None))
    return steps


def _refuse(lacking: str, keys: Iterable[str]) -> None:
    if named := ", ".join(keys):
        raise conflict(f"The version cannot be activated: {lacking} is missing in step {named}.")


def _agreed(step: DraftStep) -> FunnelStep:
    assert step.owner is not None
    assert step.entry is not None
    return FunnelStep(
        key=step.key,
        owner=step.owner,
        entity=step.entity,
        entry=step.entry,
        window_days=step.window_days,
    )


def default_steps() -> tuple[DraftStep, ...]:
    """Return the steps that every tenant starts with."""
    open_deal = (
        DraftStep(key, "deal", "sales", "deal.stage_changed", 60)
        for key in ("discovery", "evaluation", "proposal", "negotiation")
    )
    return (
        DraftStep("lead", "lead", "marketing", "lead.captured", 90),
        DraftStep("mql", "lead", "marketing", "lead.qualified", 30),
        DraftStep("sal", "lead", "sales", "lead.accepted", 7),
        DraftStep("sql", "lead", "sales", "lead.converted", 30),
        *open_deal,
        DraftStep("won", "deal", "sales", WON, 3650),
    )
