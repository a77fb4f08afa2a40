"""All routes of content-service."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field, RootModel
from starlette.responses import Response

from content_service.application.queries import Views
from content_service.entrypoints import (
    http_conversation,
    http_library,
    http_links,
    http_shares,
    http_views,
)
from content_service.entrypoints.wiring import Asking
from onefunnel.http.bodies import Id
from onefunnel.http.routing import routes

MAX_NAMES: Final = 5_000

internal = routes("internal", prefix="/internal")


class WantedNames(RootModel[dict[str, Annotated[list[Id], Field(max_length=MAX_NAMES)]]]):
    """Ids by kind; assets are the only kind known here."""


@internal.post("/names")
async def find_asset_names(body: WantedNames, asked: Asking) -> Response:
    """Return `{"names": {id: title}}` for those assets that exist in the caller's tenant."""

    async def query(views: Views) -> object:
        names = await views.names(body.root.get("asset", []))
        return {"names": {str(id_): title for id_, title in names.items()}}

    return await asked.show(query)


@internal.get("/status")
async def get_status(asked: Asking) -> Response:
    """Return what of the tenant waits in the outbox, or for an operator, and which reactions are halted."""
    tenant_id = asked.principal.tenant_id
    standing = await asked.wiring.reactions(tenant_id)
    return asked.read.answer({"outbox": await asked.wiring.outbox(tenant_id), **standing})


ROUTERS: Final[tuple[APIRouter, ...]] = (
    # Before `/v1/content/{asset_id}`, whose id it would be taken for.
    http_views.router,
    http_library.router,
    http_shares.router,
    http_links.router,
    http_conversation.router,
    internal,
)
