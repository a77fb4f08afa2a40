"""A compensation plan: a document with versions, the newest of which is in force."""

from dataclasses import dataclass, replace
from uuid import UUID

from onefunnel.errors import broken_rule
from onefunnel.events.plans import Component, PlanActivated, PlanDocument
from onefunnel.events.values import Currency


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """What a person wrote: a plan document without the identity we give it."""

    name: str
    currency: Currency
    components: tuple[Component, ...]
    rounding: str = "half_up"

    def document(self, plan_id: UUID, version: int) -> PlanDocument:
        """Return the draft as the given version of a plan."""
        return PlanDocument(
            plan_id=plan_id,
            version=version,
            name=self.name,
            currency=self.currency,
            rounding="half_even" if self.rounding == "half_even" else "half_up",
            components=self.components,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with every version it ever had, oldest first."""

    id: UUID
    versions: tuple[PlanDocument, ...]

    @property
    def current(self) -> PlanDocument:
        """Return the version in force."""
        return self.versions[-1]

    def revise(self, draft: PlanDraft) -> tuple["Plan", PlanActivated]:
        """Put the next version in force. A plan keeps its currency: money already posted has one."""
        if draft.currency != self.current.currency:
            raise broken_rule(
                "A plan keeps its currency; make a new plan for another one.", pointer="/currency"
            )
        document = draft.document(self.id, self.current.version + 1)
        revised = replace(self, versions=(*self.versions, document))
        return revised, PlanActivated(plan_id=self.id, plan=document)


def activate(plan_id: UUID, draft: PlanDraft) -> tuple[Plan, PlanActivated]:
    """Put the first version of a new plan in force."""
    document = draft.document(plan_id, 1)
    return Plan(plan_id, (document,)), PlanActivated(plan_id=plan_id, plan=document)
