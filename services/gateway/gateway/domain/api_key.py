"""API keys: `of_<env>_<id>_<secret>`. The secret is shown once; what we keep is its hash."""

import hmac
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from onefunnel.ids import NOBODY
from onefunnel.reach import Role

Environment = Literal["dev", "live"]
MAX_AGE: Final = timedelta(days=365)
SECRET_BYTES: Final = 32

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEY: Final = re.compile(r"of_(dev|live)_([0-9a-f]{32})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Presented:
    """A key as somebody sent it: well-formed, and nothing more."""

    environment: str
    id: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One credential of one tenant with one role, perhaps of one person."""

    id: UUID
    tenant_id: UUID
    environment: Environment
    role: Role
    person_id: UUID | None
    name: str
    secret_hash: bytes
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def text(self, secret: str) -> str:
        """Return the key as its holder sends it."""
        return f"of_{self.environment}_{self.id.hex}_{secret}"

    def admits(self, presented: Presented, now: datetime) -> bool:
        """Say whether this key lets the presented one in at `now`; the hash is compared in any case."""
        fits = hmac.compare_digest(self.secret_hash, hash_of(presented.secret))
        current = self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
        return fits and current and presented.environment == self.environment

    def revoked(self, at: datetime) -> "ApiKey":
        """Return the key without its power; revoking twice keeps the first time."""
        return self if self.revoked_at else replace(self, revoked_at=at)


# Stands in for a key that is not there, so that a guess costs what a wrong secret costs. Admits nobody.
NOBODYS: Final = ApiKey(
    NOBODY, NOBODY, "live", "rep", None, "", bytes(32), _LONG_AGO, revoked_at=_LONG_AGO
)


def presented(text: str) -> Presented | None:
    """Read a key that somebody sent, None if it cannot be one."""
    found = _KEY.fullmatch(text)
    return Presented(found[1], UUID(found[2]), found[3]) if found else None


def hash_of(secret: str) -> bytes:
    """Return what is kept of a secret; 256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()
