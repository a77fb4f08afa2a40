"""The erasure of a person's data: asked for by one, carried out by another."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.privacy import SubjectErased

SubjectKind = Literal["lead", "person"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase what is known of a lead or a person; its receipt once that is done."""

    id: UUID
    kind: SubjectKind
    subject_id: UUID
    requested_by: str
    requested_at: datetime
    approved_by: str | None = None
    erased_at: datetime | None = None

    @property
    def status(self) -> Literal["requested", "erased"]:
        """Return how far it is."""
        return "requested" if self.erased_at is None else "erased"

    def approve(self, *, by: str, at: datetime) -> tuple["Erasure", SubjectErased]:
        """Carry it out. What nobody can take back takes two."""
        if by == self.requested_by:
            raise DomainError(
                "forbidden",
                "Who asks for an erasure cannot carry it out; another person must.",
                kind=ErrorKind.FORBIDDEN,
            )
        done = replace(self, approved_by=by, erased_at=at)
        return done, SubjectErased(subject_id=self.subject_id, kind=self.kind, erased_at=at)
