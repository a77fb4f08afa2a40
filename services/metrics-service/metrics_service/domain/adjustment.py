"""An amount that one person proposes to pay or take back, and another one approves."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind, conflict, invalid
from onefunnel.events.plans import AdjustmentPosted
from onefunnel.events.values import Money, PersonId

Status = Literal["proposed", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A posting by hand, in the book once it is approved. `reason` is sealed; the event carries `code`.

    Who proposed it is unknown of those that are older than the rule of two people.
    """

    id: UUID
    person_id: PersonId
    at: datetime
    amount: Money
    reason: str = field(repr=False)
    code: str
    proposed_by: UUID | None
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    status: Status = "proposed"

    def approve(self, *, by: UUID | None, at: datetime) -> tuple["Adjustment", AdjustmentPosted]:
        """Post it: never edited, taken back by another one. Money takes two people, and neither is paid."""
        decided = self._decided("approved", by, at)
        if by == self.proposed_by:
            raise _forbidden("Who proposes an adjustment cannot approve it; another person must.")
        return decided, AdjustmentPosted(
            adjustment_id=self.id,
            person_id=self.person_id,
            at=self.at,
            amount_minor=self.amount.amount_minor,
            currency=self.amount.currency,
            reason=self.code,
        )

    def reject(self, *, by: UUID | None, at: datetime) -> "Adjustment":
        """Turn it down: nothing was posted, and nothing will be. Saying no takes one person."""
        return self._decided("rejected", by, at)

    def _decided(self, status: Status, by: UUID | None, at: datetime) -> "Adjustment":
        _check_person(by, self.person_id)
        if self.status != "proposed":
            raise conflict(f"It is {self.status}.", code="already-decided")
        return replace(self, status=status, decided_by=by, decided_at=at)


def propose(adjustment: Adjustment) -> Adjustment:
    """Propose an adjustment: the book knows nothing of it yet."""
    if adjustment.amount.amount_minor == 0:
        raise invalid("An adjustment of nothing changes nothing.", pointer="/amount/amount_minor")
    _check_person(adjustment.proposed_by, adjustment.person_id)
    return adjustment


def _check_person(by: UUID | None, paid: UUID) -> None:
    """Refuse who is paid by it, whatever else they are; and who is nobody, for nobody is no second person."""
    if by is None:
        raise _forbidden(
            "This key belongs to no person, and adjustments are between two people: POST /v1/keys with"
            " a person_id makes one that does."
        )
    if by == paid:
        raise _forbidden("Nobody decides about their own pay.")


def _forbidden(detail: str) -> DomainError:
    return DomainError("forbidden", detail, kind=ErrorKind.FORBIDDEN)
