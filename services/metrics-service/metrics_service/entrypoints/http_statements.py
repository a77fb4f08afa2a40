"""Statements, the book and attainment, over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

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
from metrics_service.application.queries.scope import Scope
from metrics_service.application.queries.statement import StatementQuestion, statement
from metrics_service.application.queries.statement_answer import StatementAnswer
from metrics_service.entrypoints.reading import Ask, AskOf
from onefunnel.events.values import Code
from onefunnel.http.bodies import Id, Period
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes

_STATEMENT = declared("statement", "read", owned=True)
_ATTAINMENT = declared("attainment", "read", owned=True, grouped=True)


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

        async def query(reads: Reads, scope: Scope) -> StatementAnswer:
            scope.check_period(payee, period)
            situation = await reads.situations.situation()
            question = StatementQuestion(payee, period)
            return await statement(question, situation=situation, rows=reads.pay)

        return await ask.scoped(query)

    @router.get(
        "/compensation/ledger",
        response_model=LedgerAnswer,
        openapi_extra=declared("ledger", "read", owned=True),
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

        async def query(reads: Reads, scope: Scope) -> LedgerAnswer:
            scope.check_ever(payee)
            situation = await reads.situations.situation()
            seen = replace(wanted, pairs=await _posted(reads, scope))
            rows = await reads.pay.ledger(seen, after=after, limit=page.limit + 1)
            listed = page.answer(rows, key=lambda row: (row.entry_id,), item=entry_of)
            shown = rows[: page.limit]
            return LedgerAnswer(**listed, refs=ledger_refs(shown), **head(situation, {}))

        return await ask.scoped(query)


async def _posted(reads: Reads, scope: Scope) -> list[tuple[UUID, str]] | None:
    """Return whose postings of which periods the caller sees, by the rule of a statement; None for all."""
    if (spans := scope.spans) is None:
        return None
    people = {span.person for span in spans}
    return [pair for pair in await reads.pay.posted(sorted(people)) if scope.shows_period(*pair)]


def _attainments(router: APIRouter, ask_of: AskOf) -> None:
    @router.get(
        "/compensation/attainment", response_model=AttainmentAnswer, openapi_extra=_ATTAINMENT
    )
    async def get_pay_attainment(
        period: Annotated[Period, Query()],
        ask: Annotated[Ask, Depends(ask_of)],
        payee: Annotated[Id | None, Query()] = None,
        group_by: Annotated[OrgLabel | None, Query()] = None,
    ) -> Response:
        """Show how much of each component's quota is reached, inside each assignment, exactly."""
        question = AttainmentQuestion(period, payee, group_by)
        return await ask.scoped(_attainment(question, in_pay=True))

    @router.get(
        "/quota-attainment",
        response_model=AttainmentAnswer,
        openapi_extra=_ATTAINMENT,
    )
    async def get_quota_attainment(
        period: Annotated[Period, Query()],
        ask: Annotated[Ask, Depends(ask_of)],
        person: Annotated[Id | None, Query()] = None,
        group_by: Annotated[OrgLabel | None, Query()] = None,
    ) -> Response:
        """Show how much of the quotas is reached, and how many people reach theirs."""
        question = AttainmentQuestion(period, person, group_by)
        return await ask.scoped(_attainment(question, in_pay=False))


def _attainment(
    question: AttainmentQuestion, *, in_pay: bool
) -> Callable[[Reads, Scope], Awaitable[AttainmentAnswer]]:
    answer = pay_attainment if in_pay else quota_attainment

    async def query(reads: Reads, scope: Scope) -> AttainmentAnswer:
        situation, org = await reads.situations.situation(), await reads.situations.org()
        return await answer(question, situation=situation, org=org, rows=reads.pay, scope=scope)

    return query
