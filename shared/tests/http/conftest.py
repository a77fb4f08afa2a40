"""A small service of its own on a real PostgreSQL: things that have a name and can be accepted once."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import Depends
from sqlalchemy import text

from onefunnel.audit.table import AUDIT_DDL
from onefunnel.clock import Clock
from onefunnel.errors import conflict, not_found
from onefunnel.http.app import service_app
from onefunnel.http.bodies import Body, Id, Name, Time
from onefunnel.http.idempotency import IDEMPOTENCY_DDL
from onefunnel.http.pagination import PageRequest
from onefunnel.http.preconditions import IfMatch, check_version
from onefunnel.http.principal import Principal
from onefunnel.http.reads import Read, read_dependency
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write, write_dependency
from onefunnel.ids import new_id
from onefunnel.persistence.database import Database
from onefunnel.persistence.migrations import tenant_table_ddl
from onefunnel.testing.postgres import run_apart
from onefunnel.testing.speaking import Speaking

KEY = b"a key of this test"
TENANT = new_id()
OTHER_TENANT = new_id()
ANNA = Principal(TENANT, "key:anna", "rep")


class NewThing(Body):
    name: Name
    at: Time | None = None
    count: int = 0
    other: Id | None = None
    flags: dict[str, Any] | None = None


class Renamed(Body):
    name: Name


@dataclass
class Things:
    """The service, its database, and handles to make it wait or fail."""

    app: Any
    database: Database
    owner: asyncpg.Connection
    wakes: list[None] = field(default_factory=list)
    before_commit: Callable[[], Any] | None = None
    runs: int = 0

    def client(self, principal: Principal = ANNA) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://things",
            auth=Speaking(principal, KEY, self.now),
        )

    def now(self) -> datetime:
        clock: Clock = self.app.state.clock
        return clock.now()

    async def names(self) -> list[str]:
        return [
            row["name"] for row in await self.owner.fetch("SELECT name FROM thing ORDER BY name")
        ]


async def _create_tables(url: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute(
        "CREATE TABLE thing (tenant_id UUID, id UUID, version INT NOT NULL, name TEXT NOT NULL,"
        " accepted BOOL NOT NULL DEFAULT false, PRIMARY KEY (tenant_id, id))"
    )
    for statement in [*tenant_table_ddl("thing"), *IDEMPOTENCY_DDL, *AUDIT_DDL]:
        await owner.execute(statement)
    await owner.close()


@pytest.fixture(scope="module")
def things_database(postgres_server):
    fresh = postgres_server.fresh()
    run_apart(_create_tables(fresh.owner_url))
    return fresh


@pytest_asyncio.fixture
async def things(things_database, open_database) -> AsyncIterator[Things]:
    owner = await asyncpg.connect(things_database.owner_url)
    await owner.execute("TRUNCATE thing, idempotency")
    made = Things(None, open_database(things_database.app_url), owner)
    made.app = _app(made)
    yield made
    await owner.close()


@pytest.fixture
async def anna(things: Things) -> AsyncIterator[httpx.AsyncClient]:
    async with things.client() as client:
        yield client


def _app(things: Things):  # noqa: C901 - one function per route
    router = routes("things")
    writing = write_dependency(things.database, lambda: things.wakes.append(None))
    reading = read_dependency(things.database)

    async def committed(answer: Answer) -> Answer:
        things.runs += 1
        if things.before_commit:
            await things.before_commit()
        return answer

    @router.post("/v1/things", openapi_extra=declared("thing", "create"), status_code=201)
    async def create_thing(body: NewThing, write: Annotated[Write, Depends(writing)]) -> Any:
        async def work(conn, metadata):
            id_ = new_id()
            values = {"t": metadata.tenant_id, "id": id_, "name": body.name}
            await conn.execute(text("INSERT INTO thing VALUES (:t, :id, 1, :name)"), values)
            where = f"/v1/things/{id_}"
            return await committed(
                Answer({"id": id_}, 201, event_id=new_id(), etag=1, location=where)
            )

        return await write(work)

    @router.post("/v1/things/{thing_id}/accept", openapi_extra=declared("thing", "accept"))
    async def accept_thing(thing_id: Id, write: Annotated[Write, Depends(writing)]) -> Any:
        async def work(conn, metadata):
            select = text("SELECT accepted FROM thing WHERE id = :id")
            row = (await conn.execute(select, {"id": thing_id})).one_or_none()
            if row is None:
                raise not_found("thing")
            if row.accepted:
                raise conflict("It was accepted before.")
            update = text("UPDATE thing SET accepted = true, version = version + 1 WHERE id = :id")
            await conn.execute(update, {"id": thing_id})
            return await committed(Answer({"accepted": True}, etag=2))

        return await write(work)

    @router.patch("/v1/things/{thing_id}", openapi_extra=declared("thing", "update"))
    async def rename_thing(
        thing_id: Id, body: Renamed, seen: IfMatch, write: Annotated[Write, Depends(writing)]
    ) -> Any:
        async def work(conn, metadata):
            select = text("SELECT version FROM thing WHERE id = :id")
            version = (await conn.execute(select, {"id": thing_id})).scalar_one()
            check_version(version, seen)
            update = text("UPDATE thing SET name = :name, version = version + 1 WHERE id = :id")
            await conn.execute(update, {"id": thing_id, "name": body.name})
            return await committed(Answer({"name": body.name}, etag=version + 1))

        return await write(work)

    @router.get("/v1/things", openapi_extra=declared("thing", "read"))
    async def list_things(
        page: PageRequest, read: Annotated[Read, Depends(reading)], name: str | None = None
    ) -> Any:
        async def query(conn):
            sql = (
                "SELECT id, name FROM thing WHERE (:name::text IS NULL OR name = :name)"
                " AND (:after::uuid IS NULL OR id > :after) ORDER BY id LIMIT :n"
            ).replace("::", "\\:\\:")
            after = UUID(str(page.after[0])) if page.after else None
            values = {"name": name, "after": after, "n": page.limit + 1}
            return (await conn.execute(text(sql), values)).all()

        rows = await read(query)
        return page.answer(rows, key=lambda r: [str(r.id)], item=lambda r: r._asdict())

    @router.get("/v1/things/{thing_id}", openapi_extra=declared("thing", "read"))
    async def get_thing(thing_id: Id, read: Annotated[Read, Depends(reading)]) -> Any:
        async def query(conn):
            select = text("SELECT id, name, version FROM thing WHERE id = :id")
            return (await conn.execute(select, {"id": thing_id})).one_or_none()

        if (row := await read(query)) is None:
            raise not_found("thing")
        return read.answer(row._asdict(), etag=row.version)

    async def ready() -> None:
        pass

    return service_app(name="thing-service", routers=[router], internal_key=KEY, ready=ready)
