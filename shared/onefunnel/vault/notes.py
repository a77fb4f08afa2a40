"""Words about people, in services that do not own whom the words are about.

Nobody here has a row of the person to lock. So the key itself is locked, or made, before words are sealed
under it: a destroyed key is then never used, and two who write about one person at once use one key.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from onefunnel.persistence.arrays import array
from onefunnel.persistence.database import DriverConnection
from onefunnel.vault.keyring import Keyring, SubjectKey
from onefunnel.vault.stored import gone

VERSION: Final = 1  # words are said once; what is corrected is said anew

# The lock is shared: only a destruction waits, or is waited for.
_HOLD: Final = """
SELECT wrapped FROM subject_key WHERE tenant_id = $1 AND subject_id = $2 FOR SHARE"""
_MAKE: Final = """
INSERT INTO subject_key (tenant_id, subject_id, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"""
_KEEP: Final = """
INSERT INTO vault (tenant_id, subject_id, field, version, sealed) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING"""
_READ: Final = """
SELECT v.subject_id, v.field, v.sealed, k.wrapped
FROM unnest($2::text::uuid[], $3::text::text[]) AS asked (subject_id, field)
JOIN vault v ON v.tenant_id = $1 AND v.subject_id = asked.subject_id AND v.field = asked.field
JOIN subject_key k ON k.tenant_id = $1 AND k.subject_id = v.subject_id
WHERE k.wrapped IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where words are: under whose key, and by which name."""

    subject_id: UUID
    field: str


class Notes:
    """The words of one tenant in one open transaction."""

    def __init__(self, connection: DriverConnection, tenant_id: UUID, keyring: Keyring) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._keyring = keyring

    async def keep(self, place: Place, words: str | None) -> None:
        """Seal and keep words; kept there before, they stay. Raises `gone` if whose they are was erased."""
        if words is None:
            return
        key = await self._held(place.subject_id) or await self._made(place.subject_id)
        sealed = key.seal(place.field, VERSION, words.encode())
        await self._connection.execute(
            _KEEP, self._tenant_id, place.subject_id, place.field, VERSION, sealed
        )

    async def read(self, places: Collection[Place]) -> Mapping[Place, str]:
        """Return the words that are kept at these places; what was erased is not among them."""
        if not places:
            return {}
        rows = await self._connection.fetch(
            _READ,
            self._tenant_id,
            array("uuid", [place.subject_id for place in places]),
            array("text", [place.field for place in places]),
        )
        return {Place(row["subject_id"], row["field"]): self._opened(row) for row in rows}

    async def _held(self, subject_id: UUID) -> SubjectKey | None:
        row = await self._connection.fetchrow(_HOLD, self._tenant_id, subject_id)
        if row is None:
            return None
        if row["wrapped"] is None:
            raise gone("person")
        return self._keyring.opened(self._tenant_id, subject_id, row["wrapped"])

    async def _made(self, subject_id: UUID) -> SubjectKey:
        made = self._keyring.made(self._tenant_id, subject_id)
        await self._connection.execute(_MAKE, self._tenant_id, subject_id, made.wrapped)
        held = await self._held(subject_id)  # mine, or that of somebody who was faster
        assert held is not None, "there is a key now, whoever made it"
        return held

    def _opened(self, row: asyncpg.Record) -> str:
        key = self._keyring.opened(self._tenant_id, row["subject_id"], row["wrapped"])
        return key.open(row["field"], VERSION, row["sealed"]).decode()
