"""How a definition comes into force: a draft, one signature of each side, activation. Then it stands."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from onefunnel.errors import broken_rule, conflict
from onefunnel.events.scoring import DefinitionActivated
from onefunnel.events.values import PersonId, Side


class Status(StrEnum):
    """A draft may be signed; an active version never changes again."""

    DRAFT = "draft"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed for a side, and when."""

    principal_id: str
    person_id: PersonId | None
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the definition. What was signed is what comes into force: drafts are not edited."""

    number: int
    document: str
    status: Status
    effective_from: datetime | None
    marketing: Signature | None = None
    sales: Signature | None = None

    def sign(self, side: Side, signature: Signature) -> "Version":
        """Sign for a side. Each side signs once, and nobody signs for both."""
        if self.status is Status.ACTIVE:
            raise conflict("This version is active and cannot be signed again.")
        if (self.marketing if side == "marketing" else self.sales) is not None:
            raise conflict(f"This version has its {side} signature already.")
        other = self.sales if side == "marketing" else self.marketing
        if other is not None and _same_person(other, signature):
            raise conflict("Marketing and sales must be signed for by two people.")
        if side == "marketing":
            return replace(self, marketing=signature)
        return replace(self, sales=signature)

    def activate(
        self, definition_id: UUID, *, at: datetime, last: datetime | None
    ) -> tuple["Version", DefinitionActivated]:
        """Bring a version with both signatures into force; `last` is where the newest active one began.

        The first version may begin in the past, where no definition was in force. A later one may
        not: that would change verdicts already given.
        """
        self._check_signed()
        begins = self.effective_from or at
        if last is not None and begins < max(at, last):
            raise broken_rule(
                "A definition follows another one, so it must begin now or later.",
                pointer="/effective_from",
            )
        active = replace(self, status=Status.ACTIVE, effective_from=begins)
        return active, DefinitionActivated(
            definition_id=definition_id, version=self.number, effective_from=begins
        )

    def _check_signed(self) -> None:
        if self.status is Status.ACTIVE:
            raise conflict("This version is active already.")
        missing = [
            side
            for side, signature in (("marketing", self.marketing), ("sales", self.sales))
            if signature is None
        ]
        if missing:
            raise conflict(f"The signature of {' and '.join(missing)} is missing.")


@dataclass(frozen=True, slots=True)
class InForce:
    """An active version: what a verdict of its time rests on."""

    number: int
    effective_from: datetime
    document: str


def in_force(versions: list[InForce], at: datetime) -> InForce | None:
    """Return the version in force at an instant: the latest to begin, the higher number on a tie."""
    begun = [version for version in versions if version.effective_from <= at]
    return max(begun, key=lambda version: (version.effective_from, version.number), default=None)


def _same_person(left: Signature, right: Signature) -> bool:
    if left.person_id is not None and left.person_id == right.person_id:
        return True
    return left.principal_id == right.principal_id
