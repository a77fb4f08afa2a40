"""The shared definition of a qualified lead, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from onefunnel.events.envelope import Metadata
from onefunnel.http.bodies import Time
from onefunnel.http.pagination import PageRequest
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write
from scoring_service.application import commands, queries
from scoring_service.entrypoints.dependencies import Wiring, party_of
from scoring_service.entrypoints.schemas import (
    DefinitionAnswer,
    DefinitionBody,
    DefinitionsAnswer,
)

_READ = declared("definition", "read")
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
At = Annotated[Time | None, Query(description="In force at this instant; now unless given.")]


def definition_routes(wiring: Wiring) -> APIRouter:
    """Return the routes of the definition."""
    router = routes("definitions", prefix="/v1/definitions/mql")
    _reads(router, wiring)
    _agreement(router, wiring)
    return router


def _reads(router: APIRouter, wiring: Wiring) -> None:
    @router.get("", response_model=DefinitionAnswer, openapi_extra=_READ)
    async def get_definition(
        read: Annotated[Read, Depends(wiring.read_of)], at: At = None
    ) -> Response:
        """Return the version of the definition in force at an instant."""

        async def query(conn: Any) -> DefinitionAnswer:
            views = wiring.views_of(conn, read.principal.tenant_id)
            return DefinitionAnswer.of(
                await queries.definition_at(at or wiring.clock.now(), views=views)
            )

        return read.answer(await read(query))

    @router.get("/versions", response_model=DefinitionsAnswer, openapi_extra=_READ)
    async def list_definition_versions(
        read: Annotated[Read, Depends(wiring.read_of)], page: PageRequest
    ) -> Response:
        """List all versions, drafts included, newest first."""

        async def query(conn: Any) -> object:
            below = int(page.after[0] or 0) if page.after else None
            views = wiring.views_of(conn, read.principal.tenant_id)
            found = await views.versions(below=below, limit=page.limit + 1)
            return page.answer(found, key=lambda v: [v.number], item=DefinitionAnswer.of)

        return read.answer(await read(query))

    @router.get("/{version}", response_model=DefinitionAnswer, openapi_extra=_READ)
    async def get_definition_version(
        version: Number, read: Annotated[Read, Depends(wiring.read_of)]
    ) -> Response:
        """Return one version."""

        async def query(conn: Any) -> DefinitionAnswer:
            views = wiring.views_of(conn, read.principal.tenant_id)
            return DefinitionAnswer.of(await views.version(version))

        return read.answer(await read(query))


def _agreement(router: APIRouter, wiring: Wiring) -> None:
    @router.post(
        "",
        status_code=201,
        response_model=DefinitionAnswer,
        openapi_extra=declared("definition", "propose"),
    )
    async def draft_definition(
        body: DefinitionBody, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Propose the next version. A draft is not edited: what is signed is what was proposed."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            version = await commands.draft_definition(
                body.command(), by=party_of(write.principal), tx=wiring.tx_of(conn, metadata)
            )
            place = f"/v1/definitions/mql/{version.number}"
            return Answer(DefinitionAnswer.of(version), status=201, location=place)

        return await write(work)

    @router.post(
        "/{version}/sign",
        response_model=DefinitionAnswer,
        openapi_extra=declared("definition", "sign"),
    )
    async def sign_definition(
        version: Number, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Sign a draft for your side: a marketer for marketing, a rep or manager for sales."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            signed = await commands.sign_definition(
                version, by=party_of(write.principal), tx=wiring.tx_of(conn, metadata)
            )
            return Answer(DefinitionAnswer.of(signed))

        return await write(work)

    @router.post(
        "/{version}/activate",
        response_model=DefinitionAnswer,
        openapi_extra=declared("definition", "activate"),
    )
    async def activate_definition(
        version: Number, write: Annotated[Write, Depends(wiring.write_of)]
    ) -> Response:
        """Bring a version signed by both sides into force; it never changes again."""

        async def work(conn: Any, metadata: Metadata) -> Answer:
            active, event_id = await commands.activate_definition(
                version, tx=wiring.tx_of(conn, metadata)
            )
            return Answer(DefinitionAnswer.of(active), event_id=event_id)

        return await write(work)
