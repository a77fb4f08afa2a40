"""Scores and ratings of a lead, over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from onefunnel.events.envelope import Metadata
from onefunnel.events.values import LeadId
from onefunnel.http.bodies import Id, Time
from onefunnel.http.pagination import Page, PageRequest
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write
from scoring_service.application import commands, queries
from scoring_service.application.queries import CaseFilter, CaseView
from scoring_service.entrypoints.dependencies import Wiring, party_of
from scoring_service.entrypoints.schemas import (
    AttributesAnswer,
    AttributesBody,
    DecisionBody,
    RatingBody,
    RatingsAnswer,
    ReconciliationAnswer,
    ReconciliationsAnswer,
    ScoreAnswer,
)

AsOf = Annotated[Time | None, Query(description="Score as of this instant; now unless given.")]


def lead_routes(wiring: Wiring) -> APIRouter:
    """Return the routes about one lead, and the queue of cases."""
    router = routes("scoring", prefix="/v1")
    _scores(router, wiring)
    _ratings(router, wiring)
    _queue(router, wiring)
    _decisions(router, wiring)
    return router


def _scores(router: APIRouter, wiring: Wiring) -> None:
    @router.get(
        "/leads/{lead_id}/score",
        response_model=ScoreAnswer,
        openapi_extra=declared("score", "read"),
    )
    async def get_lead_score(
        lead_id: Id, read: Annotated[Read, Depends(wiring.read_of)], as_of: AsOf = None
    ) -> Response:
        """Return fit, engagement and grade with the reasons that sum to them, decayed to an instant."""

        async def query(conn: Any) -> ScoreAnswer:
            views = wiring.views_of(conn, read.principal.tenant_id)
            found = await queries.score_of(lead_id, as_of or wiring.clock.now(), views=views)
            return ScoreAnswer.of(found)

        return read.answer(await read(query))

    @router.post(
        "/leads/{lead_id}/attributes",
        response_model=AttributesAnswer,
        openapi_extra=declared("score", "update"),
    )
    async def set_lead_attributes(
        lead_id: Id, body: AttributesBody, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Set what fit rules ask about the lead; what is not named stays as it is."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            lead, event_id = await commands.set_attributes(
                LeadId(lead_id), body.attributes, tx=wiring.tx_of(conn, metadata)
            )
            return Answer(AttributesAnswer.of(lead), event_id=event_id)

        return await write(work)


def _ratings(router: APIRouter, wiring: Wiring) -> None:
    @router.get(
        "/leads/{lead_id}/ratings",
        response_model=RatingsAnswer,
        openapi_extra=declared("rating", "read"),
    )
    async def get_lead_ratings(
        lead_id: Id, read: Annotated[Read, Depends(wiring.read_of)]
    ) -> Response:
        """Return both ratings; who rates sees the other side's only after rating."""

        async def query(conn: Any) -> RatingsAnswer:
            views = wiring.views_of(conn, read.principal.tenant_id)
            party = party_of(read.principal)
            return RatingsAnswer.of(await queries.ratings_for(party, lead_id, views=views))

        return read.answer(await read(query))

    @router.post(
        "/leads/{lead_id}/ratings",
        status_code=201,
        response_model=RatingsAnswer,
        openapi_extra=declared("rating", "create"),
    )
    async def rate_lead(
        lead_id: Id, body: RatingBody, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Rate a lead for your side, blind to the other; the newest rating of a side counts."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            party = party_of(write.principal)
            _, event_id = await commands.rate_lead(
                body.command(LeadId(lead_id)), by=party, tx=wiring.tx_of(conn, metadata)
            )
            views = wiring.views_of(conn, metadata.tenant_id)
            seen = await queries.ratings_for(party, lead_id, views=views)
            return Answer(RatingsAnswer.of(seen), status=201, event_id=event_id)

        return await write(work)


def _queue(router: APIRouter, wiring: Wiring) -> None:
    @router.get(
        "/ratings/reconciliations",
        response_model=ReconciliationsAnswer,
        openapi_extra=declared("reconciliation", "read"),
    )
    async def list_reconciliations(
        read: Annotated[Read, Depends(wiring.read_of)],
        page: PageRequest,
        status: Annotated[
            Literal["open", "decided", "all"], Query(description="Open cases unless told.")
        ] = "open",
    ) -> Response:
        """List leads that marketing and sales rate two or more apart, longest waiting first."""

        async def query(conn: Any) -> object:
            wanted = CaseFilter(None if status == "all" else status, _place(page), page.limit + 1)
            found = await wiring.views_of(conn, read.principal.tenant_id).cases(wanted)
            return page.answer(found, key=_key, item=ReconciliationAnswer.of)

        return read.answer(await read(query))


def _decisions(router: APIRouter, wiring: Wiring) -> None:
    @router.post(
        "/ratings/reconciliations/{reconciliation_id}/decision",
        response_model=ReconciliationAnswer,
        openapi_extra=declared("reconciliation", "decide"),
    )
    async def decide_reconciliation(
        reconciliation_id: Id, body: DecisionBody, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Decide between two ratings, with a reason; only a manager may, and only once."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            _, event_id = await commands.decide_case(
                body.command(reconciliation_id),
                by=party_of(write.principal),
                tx=wiring.tx_of(conn, metadata),
            )
            views = wiring.views_of(conn, metadata.tenant_id)
            shown = ReconciliationAnswer.of(await views.case(reconciliation_id))
            return Answer(shown, event_id=event_id)

        return await write(work)


def _key(view: CaseView) -> list[str]:
    return [view.case.opened_at.isoformat(), str(view.case.id)]


def _place(page: Page) -> tuple[datetime, UUID] | None:
    if page.after is None:
        return None
    opened_at, case_id = page.after
    return datetime.fromisoformat(str(opened_at)), UUID(str(case_id))
