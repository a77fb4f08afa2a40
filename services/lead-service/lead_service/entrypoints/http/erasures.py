"""Routes of erasures."""

from fastapi.responses import Response

from lead_service.application.commands import erasures as commands
from lead_service.application.commands.erasures import Receipt
from lead_service.entrypoints.schemas.erasures import ErasureIn, ErasureOut
from lead_service.entrypoints.wiring import Asking, listed
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer

router = routes("privacy")
PATH = "/v1/erasures"
ONE = PATH + "/{erasure_id}"


@router.post(
    PATH,
    status_code=201,
    response_model=ErasureOut,
    openapi_extra=declared("erasure", "request"),
)
async def request_erasure(body: ErasureIn, asked: Asking) -> Response:
    """Ask that the personal data of a lead or a person be erased; asked for before, it is the same one."""
    command = body.command(asked.principal.person_id)
    return await asked.do(commands.request_erasure, command, _answer)


@router.post(
    ONE + "/approve", response_model=ErasureOut, openapi_extra=declared("erasure", "approve")
)
async def approve_erasure(erasure_id: Id, asked: Asking) -> Response:
    """Carry an erasure out, for good; who asked for it may not. Again, it is the same receipt.

    Everything personal goes at once: names, addresses, notes, and stored answers. Leads with the same
    e-mail address, and those that were merged, are the same person. Ids, counts and pay stay.
    """
    command = commands.ApproveErasure(erasure_id, asked.principal.person_id)
    return await asked.do(commands.approve_erasure, command, _answer)


@router.get(PATH, responses=listed(ErasureOut), openapi_extra=declared("erasure", "read"))
async def list_erasures(asked: Asking, page: PageRequest) -> Response:
    """List erasures and their receipts, newest first."""
    return await asked.page(asked.queries.erasures, page, ErasureOut)


@router.get(ONE, response_model=ErasureOut, openapi_extra=declared("erasure", "read"))
async def get_erasure(erasure_id: Id, asked: Asking) -> Response:
    """Read an erasure; its receipt once it is done."""
    return await asked.one(asked.queries.erasures, erasure_id, ErasureOut)


def _answer(receipt: Receipt) -> Answer:
    erasure = receipt.erasure
    return Answer(
        ErasureOut.model_validate(erasure),
        status=201 if receipt.created else 200,
        event_id=receipt.event_id,
        location=f"{PATH}/{erasure.id}",
        changed=receipt.changed,
    )
