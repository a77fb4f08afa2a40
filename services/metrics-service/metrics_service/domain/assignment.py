"""Who is paid by which plan, and when: one plan at a time for each person."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from onefunnel.errors import DomainError, broken_rule, conflict, invalid
from onefunnel.events.plans import PlanAssigned
from onefunnel.events.values import PersonId


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person is paid by a plan between two dates, both inclusive; `to` None is open."""

    id: UUID
    person_id: PersonId
    plan_id: UUID
    from_: date
    to: date | None = None

    def overlaps(self, other: "Assignment") -> bool:
        """Say whether both hold on some day."""
        starts_in_time = other.to is None or self.from_ <= other.to
        return starts_in_time and (self.to is None or other.from_ <= self.to)

    def end(self, to: date) -> tuple["Assignment", PlanAssigned]:
        """Give an open assignment its last day."""
        if self.to is not None:
            raise conflict("This assignment has ended already.")
        ended = replace(self, to=to)
        ended.check_dates()
        return ended, ended.event()

    def check_dates(self) -> None:
        """Refuse an assignment that ends before it begins."""
        if self.to is not None and self.to < self.from_:
            raise invalid("An assignment ends on or after its first day.", pointer="/to")

    def event(self) -> PlanAssigned:
        """Return the fact that the assignment is as it now is."""
        return PlanAssigned(
            assignment_id=self.id,
            person_id=self.person_id,
            plan_id=self.plan_id,
            from_=self.from_,
            to=self.to,
        )


def assign(
    wanted: Assignment, *, existing: Iterable[Assignment]
) -> tuple[Assignment, PlanAssigned]:
    """Assign a plan to a person who has no other plan on any of the days."""
    wanted.check_dates()
    if any(wanted.overlaps(other) for other in existing):
        raise _overlap()
    return wanted, wanted.event()


def _overlap() -> DomainError:
    return broken_rule(
        "The person has another plan on some of these days; end that assignment first.",
        pointer="/from",
    )
