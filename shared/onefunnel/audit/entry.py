"""One row of the audit, its bytes, and the marks that show whether somebody altered it."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import orjson

FIRST_HASH: Final = bytes(32)
_PURPOSE: Final = b"onefunnel.audit.v1"


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what, when. No words that people wrote, no secrets, no personal data.

    `digest` is of the request that asked for it, under our key: equal requests are seen to be equal,
    and nobody learns by guessing what was in one.
    """

    tenant_id: UUID
    id: UUID
    recorded_at: datetime
    principal_id: str
    role: str
    person_id: UUID | None
    resource: str
    action: str
    operation: str
    object_id: str | None
    version: int | None  # of the object, after the change
    event_id: UUID | None  # the last event it published: the journal tells the change itself
    told: str  # JSON: the few fields of the request that no event tells
    request_id: str
    digest: bytes

    def content(self) -> bytes:
        """Return the bytes that are marked and chained: equal entries have equal bytes."""
        # The driver has a UUID of its own, with the same text.
        return orjson.dumps(
            [
                *(self.tenant_id, self.id, self.recorded_at.astimezone(UTC)),
                *(self.principal_id, self.role, self.person_id),
                *(self.resource, self.action, self.operation, self.object_id),
                *(self.version, self.event_id, self.told, self.request_id, self.digest.hex()),
            ],
            default=str,
        )


@dataclass(frozen=True, slots=True)
class Marked:
    """An entry with the mark that says that a service made it."""

    entry: Entry
    mark: bytes


class Marks:
    """Makes the marks of one installation; without its key nobody can make one."""

    def __init__(self, internal_key: bytes) -> None:
        self._key = hmac.digest(internal_key, _PURPOSE, sha256)

    def digest(self, *parts: bytes) -> bytes:
        """Return the digest of a request."""
        return self._mark(b"request", *parts)

    def marked(self, entry: Entry) -> Marked:
        """Return the entry with its mark."""
        return Marked(entry, self._mark(b"row", entry.content()))

    def seal(self, before: bytes, n: int, entry: Entry) -> bytes:
        """Return the hash of the `n`-th link: over the link before it and the row."""
        return self._mark(b"seal", before, n.to_bytes(8), entry.content())

    def _mark(self, *parts: bytes) -> bytes:
        # Lengths, so that no part can pass for the end of the one before it.
        content = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self._key, content, sha256)
