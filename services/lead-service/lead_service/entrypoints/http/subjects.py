"""Routes of people's right to know what is known of them."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from lead_service.application.commands.erasures import ExportSubject, export_subject
from lead_service.application.views import SubjectExport
from lead_service.domain.erasure import SubjectKind
from lead_service.entrypoints.schemas.erasures import ExportOut
from lead_service.entrypoints.wiring import Asking
from onefunnel.http.bodies import Id
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("privacy")


@router.get(
    "/v1/subjects/{subject_id}/export",
    response_model=ExportOut,
    openapi_extra=declared("subject", "export"),
)
async def export_subject_(
    subject_id: Id,
    asked: Asking,
    kind: Annotated[SubjectKind, Query(description="A lead or a person.")] = "lead",
) -> Response:
    """Read everything that is known of somebody: their words, and what happened when. It is audited."""
    return await asked.do(export_subject, ExportSubject(kind, subject_id), _answer)


def _answer(export: SubjectExport) -> Answer:
    return Answer(ExportOut.model_validate(export))
