"""Statements, the book and attainment, over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from metrics_service.application.queries.answer import head
from metrics_service.application.queries.attainment import (
    AttainmentQuestion,
    pay_attainment,
    quota_attainment,
)
from metrics_service.application.queries.attainment_answer import AttainmentAnswer
from metrics_service.application.queries.ledger import LedgerAnswer, entry_of, ledger_refs
from metrics_service.application.queries.org import OrgLabel
from metrics_service.application.queries.pay_rows import LedgerFilter
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.statement import StatementQuestion, statement
from metrics_service.application.queries.statement_answer import StatementAnswer
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.events.values import Code
from onefunnel.http.bodies import Id, Period
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes

_STATEMENT = declared("statement", "read")


def statement_routes(ask_of: AskOf) -> APIRouter:
    """Return the routes that answer about pay."""
    router = routes("compensation", prefix="/v1")
    _pay(router, ask_of)
    _attainments(router, ask_of)
    return router


def _pay(router: APIRouter, ask_of: AskOf) -> None:
    @router.get(
        "/compensation/statements", response_model=StatementAnswer, openapi_extra=_STATEMENT
    )
    async def get_statement(
        payee: Annotated[Id, Query()],
        period: Annotated[Period, Query()],
        ask: Annotated[Ask, Depends(ask_of)],
    ) -> Response:
        """Explain to the cent what a person earned in a period: lines, retro, adjustments, totals."""

        async def query(reads: Reads) -> StatementAnswer:
            situation = await reads.situations.situation()
            question = StatementQuestion(payee, period)
            return await statement(question, situation=situation, rows=reads.pay)

        return await ask(query)

    @router.get(
        "/compensation/ledger",
        response_model=LedgerAnswer,
        openapi_extra=declared("ledger", "read"),
    )
    async def list_ledger(
        page: PageRequest,
        ask: Annotated[Ask, Depends(ask_of)],
        payee: Annotated[Id | None, Query()] = None,
        posted_period: Annotated[Period | None, Query()] = None,
        earned_period: Annotated[Period | None, Query()] = None,
        component: Annotated[Code | None, Query()] = None,
    ) -> Response:
        """List the book's entries in the order of posting; none is ever changed."""
        wanted = LedgerFilter(payee, posted_period, earned_period, component)
        after = int(str(page.after[0])) if page.after else None

        async def query(reads: Reads) -> LedgerAnswer:
            situation = await reads.situations.situation()
            rows = await reads.pay.ledger(wanted, after=after, limit=page.limit + 1)
            listed = page.answer(rows, key=lambda row: (row.entry_id,), item=entry_of)
            shown = rows[: page.limit]
            return LedgerAnswer(**listed, refs=ledger_refs(shown), **head(situation, {}))

        return await ask(query)


def _attainments(router: APIRouter, ask_of: AskOf) -> None:
    @router.get(
        "/compensation/attainment", response_model=AttainmentAnswer, openapi_extra=_STATEMENT
    )
    async def get_pay_attainment(
        period: Annotated[Period, Query()],
        ask: Annotated[Ask, Depends(ask_of)],
        payee: Annotated[Id | None, Query()] = None,
        group_by: Annotated[OrgLabel | None, Query()] = None,
    ) -> Response:
        """Show how much of each component's quota is reached, inside each assignment, exactly."""
        return await ask(_attainment(AttainmentQuestion(period, payee, group_by), in_pay=True))

    @router.get(
        "/quota-attainment",
        response_model=AttainmentAnswer,
        openapi_extra=declared("metrics", "read"),
    )
    async def get_quota_attainment(
        period: Annotated[Period, Query()],
        ask: Annotated[Ask, Depends(ask_of)],
        person: Annotated[Id | None, Query()] = None,
        group_by: Annotated[OrgLabel | None, Query()] = None,
    ) -> Response:
        """Show how much of the quotas is reached, and how many people reach theirs."""
        return await ask(_attainment(AttainmentQuestion(period, person, group_by), in_pay=False))


def _attainment(
    question: AttainmentQuestion, *, in_pay: bool
) -> Callable[[Reads], Awaitable[AttainmentAnswer]]:
    answer = pay_attainment if in_pay else quota_attainment

    async def query(reads: Reads) -> AttainmentAnswer:
        situation, org = await reads.situations.situation(), await reads.situations.org()
        return await answer(question, situation=situation, org=org, rows=reads.pay)

    return query
