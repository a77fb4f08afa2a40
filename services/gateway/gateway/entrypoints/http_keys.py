"""Keys over HTTP: made, listed, revoked. The secret is in one answer and in no table."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from gateway.application.commands import CreateKey, create_key, revoke_key
from gateway.application.ports import Keys
from gateway.entrypoints.authentication import Doorkeeper
from gateway.entrypoints.schemas import CreatedKey, KeyList, NewKey, view_of
from onefunnel.clock import Clock
from onefunnel.http.bodies import Id
from onefunnel.http.pagination import PageRequest
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write

WriteOf = Callable[..., Awaitable[Write]]
ReadOf = Callable[..., Awaitable[Read]]
KeysOf = Callable[..., Keys]  # of a connection


def key_routes(
    write_of: WriteOf, read_of: ReadOf, keys_of: KeysOf, doorkeeper: Doorkeeper, clock: Clock
) -> APIRouter:
    """Return the routes of API keys."""
    router = routes("keys", prefix="/v1/keys")

    @router.post(
        "",
        status_code=201,
        response_model=CreatedKey,
        openapi_extra=declared("api_key", "create"),
    )
    async def create_key_(body: NewKey, write: Annotated[Write, Depends(write_of)]) -> Response:
        """Make a key. Its text is shown this once; a repeat with the same Idempotency-Key has none."""
        secret: list[str] = []

        async def work(conn: Any, _metadata: object) -> Answer:
            command = CreateKey(body.role, body.name, body.person_id, body.expires_at)
            key, text = await create_key(
                command, tenant_id=write.principal.tenant_id, keys=keys_of(conn), now=clock.now()
            )
            secret[:] = [text]
            view = CreatedKey(**view_of(key).model_dump(), key=None)
            return Answer(view, 201, location=f"/v1/keys/{key.id}")

        return _shown(await write(work), secret)

    @router.get("", response_model=KeyList, openapi_extra=declared("api_key", "read"))
    async def list_keys(page: PageRequest, read: Annotated[Read, Depends(read_of)]) -> Response:
        """List keys, newest first, revoked ones too; secrets are not kept and cannot be shown."""
        last = UUID(str(page.after[0])) if page.after else None
        rows = await read(lambda conn: keys_of(conn).after(last, page.limit + 1))
        return read.answer(page.answer(rows, key=lambda key: [str(key.id)], item=view_of))

    @router.delete("/{key_id}", status_code=204, openapi_extra=declared("api_key", "revoke"))
    async def revoke_key_(key_id: Id, write: Annotated[Write, Depends(write_of)]) -> Response:
        """Revoke a key: at once here, within seconds in other gateway processes."""

        async def work(conn: Any, _metadata: object) -> Answer:
            await revoke_key(key_id, keys=keys_of(conn), now=clock.now())
            return Answer(status=204)

        response = await write(work)
        doorkeeper.forget(key_id)
        return response

    return router


def _shown(response: Response, secret: list[str]) -> Response:
    """Put the key's text into the first answer; the kept answer, and so every replay, lacks it."""
    if not secret or "Idempotent-Replayed" in response.headers:
        return response
    body = orjson.dumps({**orjson.loads(response.body), "key": secret[0]})
    shown = Response(body, response.status_code, media_type="application/json")
    shown.headers["Location"] = response.headers["Location"]
    return shown
