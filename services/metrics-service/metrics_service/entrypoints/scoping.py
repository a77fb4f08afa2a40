"""From the rights in a request to whose numbers and pay it is about."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any, Final
from uuid import UUID

from metrics_service.application.queries.org import Org
from metrics_service.application.queries.pay_documents import PayDocuments
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.scope import Scope, not_there, relations, scope
from metrics_service.entrypoints.waiting import Views
from onefunnel.http.app import Guard
from onefunnel.http.principal import Principal
from onefunnel.reach import ALL, Relation, check, forbidden, needs_chart

_NOBODY: Final = Org([])

_About = tuple[UUID, date, date | None]  # whose pay a document decides about, of which days


async def scope_of(principal: Principal, reads: Reads) -> Scope:
    """Return whose numbers and pay a caller sees; the org chart is read where it decides."""
    rights, situation = principal.rights, await reads.situations.situation()
    needed = rights.grouped or needs_chart(rights)
    org = await reads.situations.org() if needed else _NOBODY
    return scope(rights, principal.person_id, org, situation)


async def check_payee(
    principal: Principal, views: Views, payee: UUID, day: date | None = None
) -> None:
    """Refuse to decide about somebody's pay of a day, or from today on, outside the caller's rights.

    Not least about their own.
    """
    if principal.rights.may >= ALL:
        return
    async with views.snapshot(principal.tenant_id) as conn:
        reads = views.reads_of(conn)
        circle = (await scope_of(principal, reads)).circle
        today = (await reads.situations.situation()).today
    day = day or today
    check(principal.rights, circle.relation(payee, day, day), "thing")


async def check_not_paid_by(principal: Principal, views: Views, plan_id: UUID) -> None:
    """Refuse to change a plan that pays the caller, where their own pay is not theirs to decide."""
    me = principal.person_id
    if me is None or "self" in principal.rights.may:
        return
    async with views.snapshot(principal.tenant_id) as conn:
        documents = views.reads_of(conn).documents
        if await documents.assignments(person=me, plan=plan_id, after=None, limit=1):
            raise forbidden()


def guard_of(views: Views) -> Guard:
    """Return what looks, before an owned route runs, at the one document of pay that its path names."""

    async def guard(principal: Principal, parameters: Mapping[str, Any]) -> None:
        if principal.rights.may >= ALL:
            return
        async with views.snapshot(principal.tenant_id) as conn:
            stood = await _stood(principal, views.reads_of(conn), parameters)
        rights = principal.rights
        if not stood & rights.sees:
            raise not_there()
        # One's own stays one's own, whoever else one is.
        if not stood <= rights.may:
            raise forbidden()

    return guard


async def _stood(
    principal: Principal, reads: Reads, parameters: Mapping[str, Any]
) -> set[Relation]:
    ((name, text),) = parameters.items()
    about = None
    with suppress(ValueError):  # no id is the id of nothing
        about = await _ABOUT[name](reads.documents, UUID(text))
    if about is None:
        raise not_there()
    return relations(await scope_of(principal, reads), *about)


async def _about_assignment(documents: PayDocuments, id_: UUID) -> _About | None:
    found = await documents.assignment(id_)
    return (found.person_id, found.from_, found.to) if found else None


async def _about_adjustment(documents: PayDocuments, id_: UUID) -> _About | None:
    found = await documents.adjustment(id_)
    return (found.person_id, found.at.date(), found.at.date()) if found else None


_ABOUT: Final = {"assignment_id": _about_assignment, "adjustment_id": _about_adjustment}
