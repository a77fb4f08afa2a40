"""What the gateway's use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from gateway.domain.api_key import ApiKey


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
