"""The vault in one open transaction of one tenant: few statements, however many people."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.persistence.arrays import array
from onefunnel.persistence.database import DriverConnection
from onefunnel.vault.keyring import Keyring, SubjectKey

CONTACT: Final = "contact"  # who somebody is; other fields are words about them

_LOAD: Final = """
SELECT k.subject_id, k.wrapped, v.version, v.sealed FROM subject_key k
LEFT JOIN vault v ON (v.tenant_id, v.subject_id) = (k.tenant_id, k.subject_id) AND v.field = $3
WHERE k.tenant_id = $1 AND k.subject_id = ANY($2::text::uuid[])"""
_WRITE: Final = """
WITH made AS (
    INSERT INTO subject_key (tenant_id, subject_id, wrapped)
    SELECT $1, * FROM unnest($2::text::uuid[], $3::bytea[])
)
INSERT INTO vault AS v (tenant_id, subject_id, field, version, sealed, address)
SELECT $1, * FROM unnest($4::text::uuid[], $5::text::text[], $6::text::int[], $7::bytea[],
    $8::bytea[])
ON CONFLICT (tenant_id, subject_id, field) DO UPDATE
SET version = excluded.version, sealed = excluded.sealed, address = excluded.address"""
_EVERYTHING: Final = """
SELECT k.subject_id, k.wrapped, v.field, v.version, v.sealed FROM subject_key k
LEFT JOIN vault v USING (tenant_id, subject_id)
WHERE k.tenant_id = $1 AND k.subject_id = ANY($2::text::uuid[])
ORDER BY k.subject_id, v.field"""
_TOMBSTONES: Final = """
SELECT tombstone FROM erased_address WHERE tenant_id = $1 AND tombstone = ANY($2::bytea[])"""


_SHARING: Final = """
SELECT other.subject_id FROM vault v
JOIN vault other ON (other.tenant_id, other.address) = (v.tenant_id, v.address)
WHERE v.tenant_id = $1 AND v.subject_id = ANY($2::text::uuid[]) AND v.address IS NOT NULL"""
_BURY: Final = """
INSERT INTO erased_address (tenant_id, tombstone) SELECT $1, * FROM unnest($2::bytea[])
ON CONFLICT DO NOTHING"""
_CLEAR: Final = """
DELETE FROM vault WHERE tenant_id = $1
AND subject_id = ANY($2::text::uuid[] || $3::text::uuid[])"""
_FORGET: Final = """
DELETE FROM subject_key WHERE tenant_id = $1 AND subject_id = ANY($2::text::uuid[])"""
_DESTROY: Final = """
INSERT INTO subject_key AS k (tenant_id, subject_id, destroyed_at)
SELECT DISTINCT $1::uuid, subject_id, now() FROM unnest($2::text::uuid[]) AS s (subject_id)
ON CONFLICT (tenant_id, subject_id) DO UPDATE
SET wrapped = NULL, destroyed_at = coalesce(k.destroyed_at, excluded.destroyed_at)"""


@dataclass(frozen=True, slots=True)
class Words:
    """Something personal to keep: whose it is, under which name, in which version."""

    subject_id: UUID
    field: str
    version: int
    document: Mapping[str, Any] = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What the vault holds of a person. No key: they were erased."""

    key: SubjectKey | None
    version: int
    contact: Mapping[str, Any] | None = dataclasses.field(repr=False)


class Gone(DomainError):
    """Somebody was erased: nothing is known of them, and nothing more is kept."""


def gone(what: str) -> Gone:
    """Return the answer about somebody who was erased."""
    detail = f"The personal data of this {what} was erased, on request and for good."
    return Gone("gone", detail, kind=ErrorKind.CONFLICT)


class StoredVault:
    """Reads and writes personal data under the keys of those whose it is."""

    def __init__(self, connection: DriverConnection, tenant_id: UUID, keyring: Keyring) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._keyring = keyring
        self._keys: dict[UUID, SubjectKey | None] = {}

    async def load(self, ids: Collection[UUID]) -> Mapping[UUID, Known]:
        """Return what is known of people. Asked after their rows are locked, it is what is so now."""
        rows = await self._connection.fetch(
            _LOAD, self._tenant_id, array("uuid", list(ids)), CONTACT
        )
        found = {row["subject_id"]: self._known(row) for row in rows}
        self._keys.update({id_: known.key for id_, known in found.items()})
        return found

    async def write(self, words: Sequence[Words], *, new: Collection[UUID] = ()) -> None:
        """Seal and keep words, in one statement. `new` are people who were not there before.

        Raises `gone` if one of them was erased.
        """
        if not words:
            return
        asked = {w.subject_id for w in words} - self._keys.keys() - set(new)
        if asked:
            await self.load(asked)
        made = self._make_missing(words)
        sealed = [self._sealed(one) for one in words]
        await self._connection.execute(
            _WRITE,
            self._tenant_id,
            array("uuid", [key.subject_id for key in made]),
            [key.wrapped for key in made],
            array("uuid", [one.subject_id for one in words]),
            array("text", [one.field for one in words]),
            array("int", [one.version for one in words]),
            sealed,
            [self._address(one) for one in words],
        )

    async def sharing(self, ids: Collection[UUID]) -> set[UUID]:
        """Return everybody who has an e-mail address of one of these people, themselves included."""
        rows = await self._connection.fetch(_SHARING, self._tenant_id, array("uuid", list(ids)))
        return {row["subject_id"] for row in rows} | set(ids)

    async def destroy(self, ids: Collection[UUID], beside: Collection[UUID]) -> None:
        """Destroy people's keys and everything under them, and remember their addresses blindly.

        What is `beside` them, such as words on a deal, goes too, and may be written anew.
        """
        known = await self.load(ids)
        addresses = {(one.contact or {}).get("email") for one in known.values()} - {None}
        digests = [self._keyring.tombstone(self._tenant_id, str(one)) for one in addresses]
        people, words = array("uuid", list(ids)), array("uuid", list(beside))
        await self._connection.execute(_BURY, self._tenant_id, digests)
        # Keys first: this waits for whoever is writing under one, and then sees what they wrote.
        await self._connection.execute(_DESTROY, self._tenant_id, array("uuid", [*ids, *beside]))
        await self._connection.execute(_CLEAR, self._tenant_id, people, words)
        await self._connection.execute(_FORGET, self._tenant_id, words)
        self._keys.update(dict.fromkeys(ids))

    async def everything(self, ids: Collection[UUID], *, must_be_there: UUID) -> list[Words]:
        """Return all words under these keys; raise `gone` if `must_be_there` was erased."""
        rows = await self._connection.fetch(_EVERYTHING, self._tenant_id, array("uuid", list(ids)))
        if any(row["subject_id"] == must_be_there and row["wrapped"] is None for row in rows):
            raise gone("person")
        return [self._opened(row) for row in rows if row["sealed"] is not None]

    async def erased_addresses(self, addresses: Iterable[str]) -> set[str]:
        """Return those e-mail addresses that belonged to people who were erased."""
        digests = {self._keyring.tombstone(self._tenant_id, one): one for one in addresses}
        if not digests:
            return set()
        rows = await self._connection.fetch(_TOMBSTONES, self._tenant_id, list(digests))
        return {digests[row["tombstone"]] for row in rows}

    def _opened(self, row: asyncpg.Record) -> Words:
        key = self._keyring.opened(self._tenant_id, row["subject_id"], row["wrapped"])
        content = key.open(row["field"], row["version"], row["sealed"])
        return Words(row["subject_id"], row["field"], row["version"], orjson.loads(content))

    def _known(self, row: asyncpg.Record) -> Known:
        if row["wrapped"] is None:
            return Known(None, 0, None)
        key = self._keyring.opened(self._tenant_id, row["subject_id"], row["wrapped"])
        if row["sealed"] is None:
            return Known(key, 0, None)
        return Known(
            key, row["version"], orjson.loads(key.open(CONTACT, row["version"], row["sealed"]))
        )

    def _address(self, words: Words) -> bytes | None:
        email = words.document.get("email") if words.field == CONTACT else None
        return self._keyring.index(self._tenant_id, email) if email else None

    def _make_missing(self, words: Sequence[Words]) -> list[SubjectKey]:
        made = []
        for subject_id in {w.subject_id for w in words} - self._keys.keys():
            key = self._keyring.made(self._tenant_id, subject_id)
            self._keys[subject_id] = key
            made.append(key)
        return made

    def _sealed(self, words: Words) -> bytes:
        key = self._keys[words.subject_id]
        if key is None:
            raise gone("person")
        return key.seal(words.field, words.version, orjson.dumps(words.document))
