"""The erasure of a person's data: asked for by one, carried out by another."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.privacy import SubjectErased

SubjectKind = Literal["lead", "person"]

# Sealed copies that nobody can tell whose they are go by themselves: bodies of CRMs that name the person
# under another record, after 30 days at most, and answers kept for idempotency keys after as many.
LAST_COPIES: Final = timedelta(days=30)


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
    requester_id: UUID | None = None  # the person whose key asked, if it was somebody's

    @property
    def status(self) -> Literal["requested", "erased"]:
        """Return how far it is."""
        return "requested" if self.erased_at is None else "erased"

    @property
    def complete_by(self) -> datetime | None:
        """Return when the last sealed copy is gone by itself."""
        return last_copies_gone(self.erased_at)

    def approve(
        self, *, by: str, at: datetime, person_id: UUID | None = None
    ) -> tuple["Erasure", SubjectErased]:
        """Carry it out. What nobody can take back takes two, and two keys make nobody two people."""
        same_person = person_id is not None and person_id == self.requester_id
        if by == self.requested_by or same_person:
            raise DomainError(
                "forbidden",
                "Who asks for an erasure cannot carry it out; another person must.",
                kind=ErrorKind.FORBIDDEN,
            )
        done = replace(self, approved_by=by, erased_at=at)
        return done, SubjectErased(subject_id=self.subject_id, kind=self.kind, erased_at=at)


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased, kept outside of the database: a restored one does not know it."""

    tenant_id: UUID
    kind: SubjectKind
    subject_id: UUID
    requested_by: str
    approved_by: str


def last_copies_gone(erased_at: datetime | None) -> datetime | None:
    """Return when nothing is left of who was erased, not even sealed and unknown; None before it is."""
    return None if erased_at is None else erased_at + LAST_COPIES
