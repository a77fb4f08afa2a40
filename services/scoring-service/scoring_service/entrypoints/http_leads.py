"""Scores and ratings of a lead, over HTTP."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from onefunnel.events.values import LeadId
from onefunnel.http.bodies import Id, Time
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer
from scoring_service.application import commands, queries
from scoring_service.application.ports import Tx
from scoring_service.application.queries import Views
from scoring_service.entrypoints.schemas import (
    AttributesAnswer,
    AttributesBody,
    RatingBody,
    RatingsAnswer,
    ScoreAnswer,
)
from scoring_service.entrypoints.wiring import Asking

router = routes("scoring", prefix="/v1/leads")

AsOf = Annotated[Time | None, Query(description="Score as of this instant; now unless given.")]


@router.get(
    "/{lead_id}/score",
    response_model=ScoreAnswer,
    openapi_extra=declared("score", "read", owned=True, asks="lead"),
)
async def get_lead_score(lead_id: Id, asked: Asking, as_of: AsOf = None) -> Response:
    """Return fit, engagement and grade with the reasons that sum to them, decayed to an instant."""

    async def query(views: Views) -> ScoreAnswer:
        return ScoreAnswer.of(await queries.score_of(lead_id, asked.at(as_of), views=views))

    return await asked.show(query)


@router.post(
    "/{lead_id}/attributes",
    response_model=AttributesAnswer,
    openapi_extra=declared("lead", "update", owned=True, asks="lead"),
)
async def set_lead_attributes(lead_id: Id, body: AttributesBody, asked: Asking) -> Response:
    """Set what fit rules ask about the lead; what is not named stays as it is."""

    async def work(tx: Tx, _views: Views) -> Answer:
        lead, event_id = await commands.set_attributes(LeadId(lead_id), body.attributes, tx=tx)
        return Answer(AttributesAnswer.of(lead), event_id=event_id)

    return await asked.do(work)


@router.get(
    "/{lead_id}/ratings",
    response_model=RatingsAnswer,
    openapi_extra=declared("score", "read", owned=True, asks="lead"),
)
async def get_lead_ratings(lead_id: Id, asked: Asking) -> Response:
    """Return both ratings; who rates sees the other side's only after rating."""

    async def query(views: Views) -> RatingsAnswer:
        return RatingsAnswer.of(await queries.ratings_for(asked.party, lead_id, views=views))

    return await asked.show(query)


@router.post(
    "/{lead_id}/ratings",
    status_code=201,
    response_model=RatingsAnswer,
    openapi_extra=declared("lead", "rate", owned=True, asks="lead"),
)
async def rate_lead(lead_id: Id, body: RatingBody, asked: Asking) -> Response:
    """Rate a lead for your side, blind to the other; the newest rating of a side counts."""

    async def work(tx: Tx, views: Views) -> Answer:
        command = body.command(LeadId(lead_id))
        _, event_id = await commands.rate_lead(command, by=asked.party, tx=tx)
        seen = await queries.ratings_for(asked.party, lead_id, views=views)
        return Answer(RatingsAnswer.of(seen), status=201, event_id=event_id)

    return await asked.do(work)
