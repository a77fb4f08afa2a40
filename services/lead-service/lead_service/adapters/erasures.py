"""Erasures: their requests and receipts, and what one of them takes away in its transaction."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from lead_service.adapters.personal import NAMELESS
from lead_service.adapters.repositories import Unit
from lead_service.adapters.rows import Row
from lead_service.adapters.tables import ERASURE
from lead_service.domain.erasure import Erasure
from onefunnel.errors import DomainError, ErrorKind, not_found
from onefunnel.events.envelope import Record, encode
from onefunnel.events.privacy import SubjectErased
from onefunnel.outbox.writer import save
from onefunnel.persistence.arrays import array
from onefunnel.persistence.database import driver_of

# The lead, and those that were found to be the same person and merged into it.
_MERGED: Final = """
WITH RECURSIVE same AS (
    SELECT id FROM lead WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])
    UNION SELECT l.id FROM lead l JOIN same s ON l.merged_into = s.id WHERE l.tenant_id = $1
) SELECT id FROM same"""
# In the order of ids, and before the vault is asked: whoever writes about them waits, and then finds
# that they are gone.
_LOCK: Final = """
SELECT id, deal_id FROM lead WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])
ORDER BY id FOR NO KEY UPDATE"""
_LOCK_PEOPLE: Final = """
SELECT id, NULL::uuid AS deal_id FROM person WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])
ORDER BY id FOR NO KEY UPDATE"""
_LOCK_DEALS: Final = """
SELECT id FROM deal WHERE tenant_id = $1 AND id = ANY($2::text::uuid[]) ORDER BY id FOR NO KEY UPDATE"""
# What tells them from others by a name of theirs: an outside key may be an address, a fingerprint
# answers guesses.
_BARE_LEADS: Final = """
UPDATE lead SET external_source = NULL, external_id = NULL, fingerprint = NULL
WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])"""
_BARE_PEOPLE: Final = """
UPDATE person SET external_source = NULL, external_id = NULL
WHERE tenant_id = $1 AND id = ANY($2::text::uuid[])"""
# A deal's name is often its buyer's. It names a line of somebody's statement, so something stands for it.
_BARE_DEALS: Final = f"""
UPDATE deal SET name = '{NAMELESS}'
WHERE tenant_id = $1 AND id = ANY($2::text::uuid[]) AND name IS NOT NULL"""
_ANSWERS: Final = """
DELETE FROM idempotency WHERE tenant_id = $1 AND (
    object_id = ANY($2::text::uuid[] || $3::text::uuid[]) OR object_id IN (
        SELECT id FROM activity WHERE tenant_id = $1 AND deal_id = ANY($3::text::uuid[])))"""


class StoredErasures:
    """Erasures in one open transaction."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def of(self, subject_id: UUID) -> Erasure | None:
        """Return the erasure of a lead or a person, if there is one."""
        row = await self._find(ERASURE.c.subject_id == subject_id)
        return _erasure_of(row) if row is not None else None

    async def get(self, erasure_id: UUID) -> Erasure:
        """Return an erasure, locked; raise not-found."""
        row = await self._find(ERASURE.c.id == erasure_id)
        if row is None:
            raise not_found("erasure")
        return _erasure_of(row)

    async def add(self, erasure: Erasure) -> None:
        """Keep a request."""
        await self._save(erasure, seen=None)

    async def refuse_erased(self, address: str | None, pointer: str) -> None:
        """Raise `gone`, with the place, if the e-mail address was that of somebody who was erased."""
        if address and await self._unit.vault.erased_addresses([address]):
            raise erased_address(pointer)

    async def carry_out(self, done: Erasure, event: SubjectErased) -> UUID:
        """Destroy what is known, say so and of whom else, and keep the receipt; return the event's id."""
        people = await self._same(done)
        driver, tenant_id = driver_of(self._unit.conn), self._unit.metadata.tenant_id
        lock = _LOCK if done.kind == "lead" else _LOCK_PEOPLE
        rows = await driver.fetch(lock, tenant_id, array("uuid", people))
        deals = sorted({row["deal_id"] for row in rows} - {None})
        await driver.execute(_LOCK_DEALS, tenant_id, array("uuid", deals))
        await self._unit.vault.destroy(people, beside=deals)
        bare = _BARE_LEADS if done.kind == "lead" else _BARE_PEOPLE
        await driver.execute(bare, tenant_id, array("uuid", people))
        await driver.execute(_BARE_DEALS, tenant_id, array("uuid", deals))
        await driver.execute(_ANSWERS, tenant_id, array("uuid", people), array("uuid", deals))
        same = tuple(one for one in people if one != done.subject_id)
        told = event.model_copy(update={"same": same, "deals": tuple(deals)})
        records = encode([told], self._unit.metadata)
        await self._save(done, seen=1, records=records)
        return records[-1].event_id

    async def _same(self, done: Erasure) -> list[UUID]:
        """Return the ids of one person: of the same address, and merged with one of these."""
        if done.kind == "person":
            return [done.subject_id]
        driver, tenant_id = driver_of(self._unit.conn), self._unit.metadata.tenant_id
        merged = await driver.fetch(_MERGED, tenant_id, array("uuid", [done.subject_id]))
        sharing = await self._unit.vault.sharing([row["id"] for row in merged])
        found = await driver.fetch(_MERGED, tenant_id, array("uuid", sorted(sharing)))
        return sorted(row["id"] for row in found)

    async def _find(self, condition: Any) -> Row | None:
        mine = ERASURE.c.tenant_id == self._unit.metadata.tenant_id
        question = select(ERASURE).where(mine, condition).with_for_update()
        found = (await self._unit.conn.execute(question)).mappings().one_or_none()
        return dict(found) if found is not None else None

    async def _save(
        self, erasure: Erasure, *, seen: int | None, records: list[Record] | None = None
    ) -> None:
        row = {
            "tenant_id": self._unit.metadata.tenant_id,
            "id": erasure.id,
            "version": (seen or 0) + 1,
            "event_seq": len(records or ()),
            "kind": erasure.kind,
            "subject_id": erasure.subject_id,
            "requested_by": erasure.requested_by,
            "requester_id": erasure.requester_id,
            "requested_at": erasure.requested_at,
            "approved_by": erasure.approved_by,
            "erased_at": erasure.erased_at,
        }
        await save(self._unit.conn, ERASURE, row, seen=seen, records=records or ())


def erased_address(pointer: str) -> DomainError:
    """Return the error for an e-mail address that must not come back."""
    return DomainError(
        "gone",
        "This address is of somebody whose data was erased; it is not taken in again.",
        kind=ErrorKind.CONFLICT,
        pointer=pointer,
    )


def _erasure_of(row: Row) -> Erasure:
    names = (
        "id", "kind", "subject_id", "requested_by", "requester_id", "requested_at", "approved_by",
        "erased_at",
    )  # fmt: skip
    return Erasure(**{name: row[name] for name in names})
