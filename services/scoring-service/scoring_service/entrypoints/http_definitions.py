"""The shared definition of a qualified lead, over HTTP."""

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from onefunnel.http.bodies import Time
from onefunnel.http.pagination import PageRequest
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer
from scoring_service.application import commands, queries
from scoring_service.application.ports import Tx
from scoring_service.application.queries import Views
from scoring_service.entrypoints.schemas import (
    DefinitionAnswer,
    DefinitionBody,
    DefinitionsAnswer,
)
from scoring_service.entrypoints.wiring import Asking

router = routes("definitions", prefix="/v1/definitions/mql")

_READ = declared("definition", "read")
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
At = Annotated[Time | None, Query(description="In force at this instant; now unless given.")]


@router.get("", response_model=DefinitionAnswer, openapi_extra=_READ)
async def get_definition(asked: Asking, at: At = None) -> Response:
    """Return the version of the definition in force at an instant."""

    async def query(views: Views) -> DefinitionAnswer:
        return DefinitionAnswer.of(await queries.definition_at(asked.at(at), views=views))

    return await asked.show(query)


@router.get("/versions", response_model=DefinitionsAnswer, openapi_extra=_READ)
async def list_definition_versions(asked: Asking, page: PageRequest) -> Response:
    """List all versions, drafts included, newest first."""

    async def query(views: Views) -> object:
        below = int(page.after[0] or 0) if page.after else None
        found = await views.versions(below=below, limit=page.limit + 1)
        return page.answer(found, key=lambda version: [version.number], item=DefinitionAnswer.of)

    return await asked.show(query)


@router.get("/{version}", response_model=DefinitionAnswer, openapi_extra=_READ)
async def get_definition_version(version: Number, asked: Asking) -> Response:
    """Return one version."""

    async def query(views: Views) -> DefinitionAnswer:
        return DefinitionAnswer.of(await views.version(version))

    return await asked.show(query)


@router.post(
    "",
    status_code=201,
    response_model=DefinitionAnswer,
    openapi_extra=declared("definition", "create"),
)
async def draft_definition(body: DefinitionBody, asked: Asking) -> Response:
    """Propose the next version. A draft is not edited: what is signed is what was proposed."""

    async def work(tx: Tx, _views: Views) -> Answer:
        version = await commands.draft_definition(body.command(), by=asked.party, tx=tx)
        place = f"/v1/definitions/mql/{version.number}"
        return Answer(DefinitionAnswer.of(version), status=201, location=place)

    return await asked.do(work)


@router.post(
    "/{version}/sign",
    response_model=DefinitionAnswer,
    openapi_extra=declared("definition", "sign"),
)
async def sign_definition(version: Number, asked: Asking) -> Response:
    """Sign a draft for your side: a marketer for marketing, a rep or manager for sales."""

    async def work(tx: Tx, _views: Views) -> Answer:
        signed = await commands.sign_definition(version, by=asked.party, tx=tx)
        return Answer(DefinitionAnswer.of(signed))

    return await asked.do(work)


@router.post(
    "/{version}/activate",
    response_model=DefinitionAnswer,
    openapi_extra=declared("definition", "activate"),
)
async def activate_definition(version: Number, asked: Asking) -> Response:
    """Bring a version signed by both sides into force; it never changes again."""

    async def work(tx: Tx, _views: Views) -> Answer:
        active, event_id = await commands.activate_definition(version, tx=tx)
        return Answer(DefinitionAnswer.of(active), event_id=event_id)

    return await asked.do(work)
