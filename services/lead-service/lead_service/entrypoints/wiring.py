"""What every route is given: the caller, the transaction, the reads."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from lead_service.application.commands.terms import taken
from lead_service.application.ports import BatchFactory, Saved, Tx, TxFactory
from lead_service.application.queries import OwnedKind, Queries, Reads
from lead_service.entrypoints.owning import Owning, check_mentioned, owning
from lead_service.entrypoints.schemas.values import View, masked
from onefunnel.clock import Clock
from onefunnel.http.pagination import Page, list_of
from onefunnel.http.principal import CurrentPrincipal, Principal
from onefunnel.http.reads import Read
from onefunnel.http.writes import Answer, TenantDatabase, Write
from onefunnel.reach import ALL, Owners, forbidden

C_contra = TypeVar("C_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True)
class Wiring:
    """What `main` puts into the application for its routes."""

    database: TenantDatabase
    wake: Callable[[], None]
    clock: Clock
    tx: TxFactory
    batch: BatchFactory
    queries: Queries
    outbox: Callable[[UUID], Awaitable[Mapping[str, object]]]  # what waits in it of a tenant
    reactions: Callable[[UUID], Awaitable[Mapping[str, object]]]  # how they stand for a tenant


class UseCase(Protocol[C_contra, R_co]):
    """A command's function: the command first, the transaction by keyword."""

    async def __call__(self, command: C_contra, /, *, tx: Tx) -> R_co:
        """Do what the command asks for."""
        ...


@dataclass(frozen=True)
class Asked:
    """One request: who asks, and the means to answer."""

    principal: Principal
    wiring: Wiring
    write: Write
    read: Read

    @property
    def tenant_id(self) -> UUID:
        """The caller's tenant."""
        return self.principal.tenant_id

    @property
    def queries(self) -> Queries:
        """Everything that can be read."""
        return self.wiring.queries

    async def do(
        self, use_case: UseCase[C, R], command: C, answer: Callable[[R], Answer]
    ) -> Response:
        """Run a command in one transaction and answer with what it left behind."""

        async def work(conn: Any, metadata: Any) -> Answer:
            done = answer(await use_case(command, tx=self.wiring.tx(conn, metadata)))
            return replace(done, body=self.shown(done.body))

        return await self.write(work)

    async def owning(self) -> Owning:
        """Return whose leads and deals the caller sees and may change."""
        return await owning(self.principal, self.queries.circles, self.wiring.clock)

    async def check_given(self, owner: UUID | None) -> None:
        """Refuse to make a thing somebody's, or nobody's, to whose things the caller may not do this."""
        if self.principal.rights.may != ALL:
            (await self.owning()).check_given(owner)

    async def check_named(self, person: UUID | None) -> None:
        """Do the same where a body need not name anybody."""
        if person is not None:
            await self.check_given(person)

    def check_not_given_to_self(self, people: Collection[UUID]) -> None:
        """Refuse a body that gives the caller what they may not do to their own."""
        if self.principal.person_id in people and "self" not in self.principal.rights.may:
            raise forbidden()

    async def check_mentioned(self, kind: OwnedKind, id_: UUID | None, pointer: str) -> None:
        """Refuse a body that names a lead or a deal outside the caller's rights."""
        if id_ is not None:
            circles, clock = self.queries.circles, self.wiring.clock
            await check_mentioned(self.principal, circles, clock, kind, id_, pointer)

    def shown(self, body: object) -> object:
        """Return a body as the caller may see it."""
        return masked(body) if self.principal.rights.masked else body

    def check_seen(self, show: type[View], changed: Collection[str]) -> None:
        """Refuse to change what the caller is not shown."""
        if self.principal.rights.masked and not show.PERSONAL.keys().isdisjoint(changed):
            raise forbidden()

    async def one(self, reads: Reads[Any], id_: UUID, show: type[BaseModel]) -> Response:
        """Answer with one resource and its ETag."""
        view = await reads.get(self.tenant_id, id_)
        return self.read.answer(self.shown(show.model_validate(view)), etag=view.version)

    async def page(
        self,
        reads: Reads[Any],
        page: Page,
        show: type[BaseModel],
        filters: Mapping[str, object] | None = None,
        *,
        owned: bool = False,
    ) -> Response:
        """Answer with one page of a list; of an `owned` one, only with what the caller may see."""
        owners = (await self.owning()).may if owned else None
        rows: Sequence[Any] = await reads.page(
            self.tenant_id, filters or {}, after=page.after, limit=page.limit + 1, owners=owners
        )

        def item(row: Any) -> object:
            return self.shown(show.model_validate(row))

        return self.read.answer(page.answer(rows, key=reads.key_of, item=item))


async def asked(request: Request, principal: CurrentPrincipal) -> Asked:
    """Gather what a route needs."""
    wiring = cast(Wiring, request.app.state.wiring)
    write = Write(request, principal, wiring.database, wiring.wake, wiring.clock)
    return Asked(principal, wiring, write, Read(request, principal, wiring.database))


Asking = Annotated[Asked, Depends(asked)]


def shown(show: type[BaseModel]) -> Callable[[Saved[Any]], Answer]:
    """Answer with the resource as it is now."""
    return lambda saved: Answer(
        show.model_validate(saved.view),
        event_id=saved.event_id,
        etag=saved.version,
        changed=saved.changed,
    )


def made(show: type[BaseModel], path: str) -> Callable[[Saved[Any]], Answer]:
    """Answer 201 with the new resource and its place, or 200 with the one that was there."""
    return lambda saved: Answer(
        show.model_validate(saved.view),
        status=201 if saved.created else 200,
        event_id=saved.event_id,
        etag=saved.version,
        location=f"{path}/{saved.id}",
        changed=saved.changed,
    )


def made_or_taken(
    show: type[BaseModel], path: str, what: str, sees: Owners
) -> Callable[[Saved[Any]], Answer]:
    """Answer as `made` does, but not with what is there and somebody's whose things the caller does not see."""
    answer = made(show, path)

    def unless_unseen(saved: Saved[Any]) -> Answer:
        if not saved.created and saved.view.owner_id not in sees:
            raise taken(what)
        return answer(saved)

    return unless_unseen


def there_already(show: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe the other answer of `made`: what was sent again is answered with what is there."""
    return {200: {"model": show, "description": "It was there already, with the same data."}}


def beside(show: type[BaseModel]) -> Callable[[tuple[Any, Saved[Any]]], Answer]:
    """Answer 201 with an entry that was added beside an aggregate."""
    return lambda added: Answer(
        show.model_validate(added[0]), status=201, event_id=added[1].event_id
    )


def listed(show: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe a page of a list for the OpenAPI document."""
    return list_of(show)
