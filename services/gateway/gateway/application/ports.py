"""What the gateway's use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.api_key import ApiKey
from gateway.domain.token import Identity
from gateway.domain.user import User


class Keys(Protocol):
    """The keys of one tenant, in one transaction."""

    async def add(self, key: ApiKey) -> None:
        """Remember a new key."""
        ...

    async def get(self, key_id: UUID) -> ApiKey | None:
        """Return a key of this tenant, None if there is none."""
        ...

    async def save(self, key: ApiKey) -> None:
        """Write a changed key back."""
        ...

    async def after(self, last: UUID | None, limit: int) -> Sequence[ApiKey]:
        """Return `limit` keys after `last`, newest first."""
        ...


class KeyStore(Protocol):
    """Finds a key before it is known whose it is."""

    async def find(self, key_id: UUID) -> ApiKey | None:
        """Return the key with this id in whatever tenant, None if there is none."""
        ...


class Tenants(Protocol):
    """All tenants; only provisioning sees them."""

    async def ensure(self, name: str) -> UUID:
        """Return the tenant of this name, made now if there was none."""
        ...

    async def renew(self, key: ApiKey) -> None:
        """Add a development key in place of the earlier ones of its tenant and role."""
        ...


class Users(Protocol):
    """The users of one tenant of whom something is said, in one transaction."""

    async def save(self, tenant_id: UUID, user: User) -> None:
        """Keep what is said about a user, in place of what was."""
        ...

    async def get(self, subject: str) -> User:
        """Return a user; one of whom nothing is said is like any other."""
        ...

    async def after(self, last: str | None, limit: int) -> Sequence[User]:
        """Return `limit` users after `last`, by subject."""
        ...


class UserStore(Protocol):
    """Finds what is said about whoever a token speaks for."""

    async def find(self, tenant_id: UUID, subject: str) -> User | None:
        """Return a user of a tenant, None if there is no such tenant."""
        ...


class KeysUnavailable(Exception):
    """The identity provider has never answered, so nobody can be told from anybody."""


class Tokens(Protocol):
    """Believes tokens of an identity provider, or not."""

    async def verify(self, token: str) -> Identity:
        """Return whom a token speaks for; raise `BadToken`, or `KeysUnavailable` while nobody can tell."""
        ...
