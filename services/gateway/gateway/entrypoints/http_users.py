"""Users of an identity provider over HTTP: disabled, signed out, or refused in a role."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints
from starlette.responses import Response

from gateway.application.ports import Users
from gateway.domain.token import MAX_SUBJECT
from gateway.domain.user import User
from gateway.entrypoints.authentication import Doorkeeper
from onefunnel.clock import Clock
from onefunnel.http.bodies import Body, Shown
from onefunnel.http.pagination import PageRequest
from onefunnel.http.reads import Read
from onefunnel.http.routing import declared, routes
from onefunnel.http.writes import Answer, Write
from onefunnel.reach import ROLES, Role

WriteOf = Callable[..., Awaitable[Write]]
ReadOf = Callable[..., Awaitable[Read]]
UsersOf = Callable[..., Users]  # of a connection

Subject = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SUBJECT)]


class UserBody(Body):
    """What shall hold of a user from now on; `sign_out` ends the tokens they have."""

    subject: Subject
    disabled: bool = False
    refused_roles: list[Role] = Field(default_factory=list, max_length=len(ROLES))
    sign_out: bool = False


class UserView(Shown):
    """What is said about a user. Tokens issued before `valid_from` are refused."""

    subject: str
    disabled: bool
    refused_roles: list[Role]
    valid_from: datetime | None


class UserList(Shown):
    """One page of users, by subject."""

    items: list[UserView]
    next_cursor: str | None


@dataclass(frozen=True)
class UserMeans:
    """What the routes of users work with."""

    write_of: WriteOf
    read_of: ReadOf
    users_of: UsersOf
    doorkeeper: Doorkeeper
    clock: Clock


def user_routes(means: UserMeans) -> APIRouter:
    """Return the routes of users."""
    router = routes("users", prefix="/v1/users")

    @router.post("", response_model=UserView, openapi_extra=declared("user", "change"))
    async def change_user(
        body: UserBody, write: Annotated[Write, Depends(means.write_of)]
    ) -> Response:
        """Say what holds of a user: at once here, within seconds in other gateway processes."""
        tenant_id = write.principal.tenant_id

        async def work(conn: Any, _metadata: object) -> Answer:
            users = means.users_of(conn)
            known = await users.get(body.subject)
            since = means.clock.now() if body.sign_out else known.valid_from
            user = User(body.subject, body.disabled, frozenset(body.refused_roles), since)
            await users.save(tenant_id, user)
            return Answer(_view(user))

        response = await write(work)
        means.doorkeeper.forget_user(tenant_id, body.subject)
        return response

    @router.get("", response_model=UserList, openapi_extra=declared("user", "read"))
    async def list_users(
        page: PageRequest, read: Annotated[Read, Depends(means.read_of)]
    ) -> Response:
        """List the users about whom something is said."""
        last = str(page.after[0]) if page.after else None
        rows = await read(lambda conn: means.users_of(conn).after(last, page.limit + 1))
        return read.answer(page.answer(rows, key=lambda user: [user.subject], item=_view))

    return router


def _view(user: User) -> UserView:
    return UserView(
        subject=user.subject,
        disabled=user.disabled,
        refused_roles=sorted(user.refused_roles),
        valid_from=user.valid_from,
    )
