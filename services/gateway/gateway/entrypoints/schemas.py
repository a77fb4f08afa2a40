"""Bodies of the gateway's own operations."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.domain.api_key import ApiKey
from gateway.domain.roles import Role
from onefunnel.http.bodies import Body, Id, Name, Time

_ROLE = Field(description="What the key may do; `GET /v1/me` lists it.", examples=["rep"])


class NewKey(Body):
    """A key to make."""

    role: Annotated[Role, _ROLE]
    name: Annotated[Name, Field(examples=["website form"])] = "unnamed"
    person_id: Annotated[
        Id | None, Field(description="Whose pay the key may see, for reps and marketers.")
    ] = None
    expires_at: Annotated[Time | None, Field(description="At most a year ahead.")] = None


class KeyView(BaseModel):
    """A key without its secret."""

    id: UUID
    role: Role
    name: str
    person_id: UUID | None
    environment: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class CreatedKey(KeyView):
    """A new key; `key` is shown this once, and is null when the request is repeated."""

    key: str | None


class KeyList(BaseModel):
    """One page of keys, newest first."""

    items: list[KeyView]
    next_cursor: str | None


class TenantView(BaseModel):
    """The tenant of the caller."""

    id: UUID
    name: str


class Me(BaseModel):
    """Who the caller is and what they may do."""

    tenant: TenantView
    principal_id: str
    role: Role
    person_id: UUID | None
    may: Annotated[
        dict[str, list[str]],
        Field(description="Actions by resource.", examples=[{"lead": ["accept", "read"]}]),
    ]


class ServiceStatus(BaseModel):
    """One service: whether it can work, and what it says about itself."""

    ready: bool
    detail: dict[str, Any] | None = None


class Status(BaseModel):
    """Every service: lag, generations and dead letters are in the details."""

    ready: bool
    services: dict[str, ServiceStatus]


def view_of(key: ApiKey) -> KeyView:
    """Return what may be read about a key."""
    return KeyView(
        id=key.id,
        role=key.role,
        name=key.name,
        person_id=key.person_id,
        environment=key.environment,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
