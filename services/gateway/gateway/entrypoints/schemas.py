"""Bodies of the gateway's own operations."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from gateway.domain.api_key import ApiKey
from onefunnel.http.bodies import Body, Id, Name, Shown, Time
from onefunnel.reach import Role

DeadStatus = Literal["open", "redriven", "discarded"]

_ROLE = Field(description="What the key may do; `GET /v1/me` lists it.", examples=["rep"])


class NewKey(Body):
    """A key to make."""

    role: Annotated[Role, _ROLE]
    name: Annotated[Name, Field(examples=["website form"])] = "unnamed"
    person_id: Annotated[
        Id | None, Field(description="Whose pay the key may see, for reps and marketers.")
    ] = None
    expires_at: Annotated[Time | None, Field(description="At most a year ahead.")] = None


class KeyView(Shown):
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


class KeyList(Shown):
    """One page of keys, newest first."""

    items: list[KeyView]
    next_cursor: str | None


class TenantView(Shown):
    """The tenant of the caller."""

    id: UUID
    name: str


class Me(Shown):
    """Who the caller is and what they may do."""

    tenant: TenantView
    principal_id: str
    role: Role
    person_id: UUID | None
    may: Annotated[
        dict[str, list[str]],
        Field(description="Actions by resource.", examples=[{"lead": ["accept", "read"]}]),
    ]


class ServiceStatus(Shown):
    """One service: whether it can work, and what it says about itself."""

    ready: bool
    detail: dict[str, Any] | None = None


class HaltedPartition(Shown):
    """A partition of the log that a service reads no further until an operator resumes it."""

    service: str
    topic: str
    partition: int
    position: Annotated[int, Field(description="Of the record it will go on with.")]
    reason: str


class Status(Shown):
    """Every service: lag, generations and dead letters are in the details."""

    ready: bool
    halted: list[HaltedPartition]
    services: dict[str, ServiceStatus]


class DeadLetterView(Shown):
    """An event that a service could not take in; its bytes are kept and never shown."""

    service: str
    id: Annotated[int, Field(description="Unique within its service.")]
    status: DeadStatus
    reason: str
    detail: str | None
    type: str | None
    event_id: UUID | None
    aggregate: str | None
    aggregate_id: UUID | None
    sequence: int | None
    topic: str
    partition: int
    position: int
    attempts: int
    died_at: datetime
    settled_at: datetime | None
    actor: Annotated[str | None, Field(description="Who settled it.")]
    waiting: Annotated[int, Field(description="Later events of its aggregate, which wait for it.")]


class DeadLetterList(Shown):
    """One page of dead letters."""

    items: list[DeadLetterView]
    next_cursor: str | None


class SettledView(Shown):
    """What came of it."""

    service: str
    id: int
    outcome: Literal["redriven", "still-dead", "discarded"]


class ResumedView(HaltedPartition):
    """The partition that goes on, and what it was halted for."""


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
