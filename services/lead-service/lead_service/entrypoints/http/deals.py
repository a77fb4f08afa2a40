"""Routes of deals."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import Response

from lead_service.application.commands import closing
from lead_service.application.commands import deals as commands
from lead_service.entrypoints.http.leads import named, timeline
from lead_service.entrypoints.schemas.deal_answers import DealOut, HistoryOut
from lead_service.entrypoints.schemas.deals import (
    CorrectionIn,
    DealPatch,
    LoseIn,
    NewDealIn,
    PaymentIn,
    ReasonIn,
    RefundIn,
    StageIn,
    WinIn,
)
from lead_service.entrypoints.wiring import Asking, listed, made_or_taken, shown, there_already
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.preconditions import IfMatch
from onefunnel.http.routing import declared, routes

router = routes("deals")
PATH = "/v1/deals"
ONE = PATH + "/{deal_id}"


@router.post(
    PATH,
    status_code=201,
    response_model=DealOut,
    responses=there_already(DealOut),
    openapi_extra=declared("deal", "create", owned=True),
)
async def create_deal(body: NewDealIn, asked: Asking) -> Response:
    """Open a deal; without a stage it begins in the funnel's first one."""
    command = body.command(asked.tenant_id)
    await asked.check_given(command.deal.owner_id)
    await asked.check_mentioned("lead", command.lead_id, "/lead")
    sees = (await asked.owning()).sees
    return await asked.do(commands.create_deal, command, made_or_taken(DealOut, PATH, "deal", sees))


@router.get(PATH, responses=listed(DealOut), openapi_extra=declared("deal", "read", owned=True))
async def list_deals(
    asked: Asking,
    page: PageRequest,
    state: Annotated[str | None, Query(max_length=40)] = None,
    stage: Annotated[str | None, Query(max_length=40)] = None,
    owner: Id | None = None,
    account: Id | None = None,
    source: Annotated[str | None, Query(max_length=64)] = None,
    campaign: Id | None = None,
    external_source: Annotated[str | None, Query(alias="external.source", max_length=200)] = None,
    external_id: Annotated[str | None, Query(alias="external.id", max_length=200)] = None,
) -> Response:
    """List deals, newest first."""
    filters = {
        "state": state,
        "stage": stage,
        "owner_id": owner,
        "account_id": account,
        "source": source,
        "campaign_id": campaign,
        "id": named(asked, "deal", external_source, external_id),
    }
    return await asked.page(asked.queries.deals, page, DealOut, filters, owned=True)


@router.get(ONE, response_model=DealOut, openapi_extra=declared("deal", "read", owned=True))
async def get_deal(deal_id: Id, asked: Asking) -> Response:
    """Read a deal."""
    return await asked.one(asked.queries.deals, deal_id, DealOut)


@router.patch(ONE, response_model=DealOut, openapi_extra=declared("deal", "update", owned=True))
async def update_deal(deal_id: Id, body: DealPatch, seen: IfMatch, asked: Asking) -> Response:
    """Correct what a deal is about; its currency stays."""
    command = commands.UpdateDeal(deal_id, body.changes(asked.tenant_id), seen)
    if "owner_id" in command.changes:
        await asked.check_given(command.changes["owner_id"])
    return await asked.do(commands.update_deal, command, shown(DealOut))


@router.get(
    ONE + "/timeline",
    responses=listed(HistoryOut),
    openapi_extra=declared("deal", "read", owned=True),
)
async def deal_timeline(deal_id: Id, asked: Asking, page: PageRequest) -> Response:
    """Read what happened to a deal, newest first, each with the event that says so."""
    await asked.queries.deals.get(asked.tenant_id, deal_id)
    return await timeline(deal_id, asked, page)


@router.post(
    ONE + "/stage", response_model=DealOut, openapi_extra=declared("deal", "move", owned=True)
)
async def move_deal(deal_id: Id, body: StageIn, asked: Asking) -> Response:
    """Move a deal to any step of its funnel, forward or back."""
    return await asked.do(commands.move_deal, body.command(deal_id), shown(DealOut))


@router.post(
    ONE + "/win", response_model=DealOut, openapi_extra=declared("deal", "win", owned=True)
)
async def win_deal(deal_id: Id, body: WinIn, asked: Asking) -> Response:
    """Book a deal. Without lines its amount is booked, without credits its owner is credited."""
    command = body.command(asked.tenant_id, deal_id)
    return await asked.do(closing.win_deal, command, shown(DealOut))


@router.post(
    ONE + "/lose", response_model=DealOut, openapi_extra=declared("deal", "lose", owned=True)
)
async def lose_deal(deal_id: Id, body: LoseIn, asked: Asking) -> Response:
    """End a deal without a sale, for a reason."""
    return await asked.do(closing.lose_deal, body.command(deal_id), shown(DealOut))


@router.post(
    ONE + "/corrections",
    response_model=DealOut,
    openapi_extra=declared("deal", "correct", owned=True),
)
async def correct_deal(deal_id: Id, body: CorrectionIn, asked: Asking) -> Response:
    """Book a won deal anew, because the booking was wrong; to nobody's own credit."""
    command = body.correction(asked.tenant_id, deal_id)
    asked.check_not_given_to_self([credit.person_id for credit in command.win.credits or ()])
    return await asked.do(closing.correct_deal, command, shown(DealOut))


@router.post(
    ONE + "/refunds", response_model=DealOut, openapi_extra=declared("deal", "refund", owned=True)
)
async def refund_deal(deal_id: Id, body: RefundIn, asked: Asking) -> Response:
    """Pay back a share of a won deal: a fraction or an amount."""
    return await asked.do(closing.refund_deal, body.command(deal_id), shown(DealOut))


@router.post(
    ONE + "/payments", response_model=DealOut, openapi_extra=declared("deal", "pay", owned=True)
)
async def receive_payment(deal_id: Id, body: PaymentIn, asked: Asking) -> Response:
    """Note a payment by the customer."""
    return await asked.do(closing.receive_payment, body.command(deal_id), shown(DealOut))


@router.post(
    ONE + "/reopen", response_model=DealOut, openapi_extra=declared("deal", "reopen", owned=True)
)
async def reopen_deal(deal_id: Id, body: ReasonIn, asked: Asking) -> Response:
    """Open a closed deal again in its last step."""
    return await asked.do(closing.reopen_deal, body.reopening(deal_id), shown(DealOut))


@router.post(
    ONE + "/cancel", response_model=DealOut, openapi_extra=declared("deal", "cancel", owned=True)
)
async def cancel_deal(deal_id: Id, body: ReasonIn, asked: Asking) -> Response:
    """Undo a won deal as if it had never been booked."""
    return await asked.do(closing.cancel_deal, body.cancellation(deal_id), shown(DealOut))
