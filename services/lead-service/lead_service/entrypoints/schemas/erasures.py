"""Bodies of erasures."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from lead_service.application.commands.erasures import RequestErasure
from lead_service.domain.erasure import SubjectKind
from lead_service.entrypoints.schemas.values import View
from onefunnel.http.bodies import Body, Id


class ErasureIn(Body):
    """Whose data shall be erased."""

    kind: SubjectKind
    subject: Annotated[Id, Field(description="The id of the lead or the person.")]

    def command(self, you: UUID | None) -> RequestErasure:
        """Return what is asked for."""
        return RequestErasure(self.kind, self.subject, you)


class ExportedWordsOut(View):
    """Words about somebody: `contact`, or a note on a line of the timeline or on an activity."""

    subject_id: UUID
    sort: str
    version: int
    words: dict[str, Any]


class ExportedFactOut(View):
    """Something that happened."""

    event_id: UUID
    what: str
    at: datetime


class ExportOut(View):
    """Everything that is known of somebody."""

    subject_id: UUID
    kind: SubjectKind
    words: list[ExportedWordsOut]
    facts: list[ExportedFactOut]


class ErasureOut(View):
    """An erasure: requested, or done; then this is the receipt."""

    id: UUID
    kind: SubjectKind
    subject_id: UUID
    status: Literal["requested", "erased"]
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    erased_at: datetime | None
    complete_by: Annotated[
        datetime | None,
        Field(
            description="When the last sealed copy that nobody can tell whose it is goes by itself."
        ),
    ]
