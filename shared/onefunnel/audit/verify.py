"""Whether the audit is as it was written: every row, every link, nothing missing, nothing beside it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple

from onefunnel.audit.entry import FIRST_HASH, Marks
from onefunnel.audit.rows import entry_of
from onefunnel.audit.sealer import SEALED_WITHIN_S
from onefunnel.audit.table import COLUMNS
from onefunnel.persistence.database import Database, DriverConnection

_ROWS: Final = ", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))
_LINKS: Final = f"""
SELECT s.n, s.hash, a.mark, {_ROWS}, s.audit_id
FROM audit_seal s LEFT JOIN audit a ON (a.tenant_id, a.id) = (s.tenant_id, s.audit_id)
WHERE s.n > $1 ORDER BY s.n LIMIT $2"""
_BESIDE: Final = f"""
SELECT {_ROWS}, a.mark, now() AS asked_at FROM audit a
WHERE NOT EXISTS (
    SELECT FROM audit_seal s WHERE (s.tenant_id, s.audit_id) = (a.tenant_id, a.id))
ORDER BY a.id"""
_AT_ONCE: Final = 1_000


class Anchor(NamedTuple):
    """A head that was seen before and kept elsewhere: the chain must still hold it."""

    n: int
    hash: str


NOTHING: Final = Anchor(0, FIRST_HASH.hex())


@dataclass
class Verdict:
    """What was found. `breaks` says what was altered, `unsealed` counts rows that should be linked."""

    rows: int = 0
    unsealed: int = 0
    waiting: int = 0  # not linked yet, and not late
    breaks: list[str] = field(default_factory=list)
    head: Anchor = NOTHING

    @property
    def right(self) -> bool:
        """Say whether nothing was altered and nothing is late."""
        return not self.breaks and not self.unsealed


async def verify(database: Database, internal_key: bytes, anchor: Anchor | None = None) -> Verdict:
    """Walk the chain from its first link under the worker role, and look for rows beside it."""
    marks, verdict = Marks(internal_key), Verdict()
    async with (
        database.driver(patient=True) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await _walk(connection, marks, verdict, anchor)
        await _look_beside(connection, marks, verdict)
    return verdict


async def _walk(
    connection: DriverConnection, marks: Marks, verdict: Verdict, anchor: Anchor | None
) -> None:
    n, last = 0, FIRST_HASH
    async for link in _links(connection):
        if link["n"] != n + 1:
            verdict.breaks.append(f"links {n + 1} to {link['n'] - 1} are missing")
        n, verdict.rows = link["n"], verdict.rows + 1
        if fault := _fault(link, last, marks):
            verdict.breaks.append(f"link {n}, row {link['audit_id']}: {fault}")
        last = link["hash"]  # what follows is judged by itself
        if anchor and anchor.n == n and anchor.hash != last.hex():
            verdict.breaks.append(f"link {n} is not the one that was seen before")
    if anchor and anchor.n > n:
        verdict.breaks.append(f"links {n + 1} to {anchor.n} were seen before and are missing")
    verdict.head = Anchor(n, last.hex())
    head = await connection.fetchrow("SELECT n, hash FROM audit_head")
    if head is None or (head["n"], head["hash"]) != (n, last):
        verdict.breaks.append(f"the head does not say that link {n} is the last")


async def _links(connection: DriverConnection) -> AsyncIterator[Any]:
    after = 0
    while links := await connection.fetch(_LINKS, after, _AT_ONCE):
        for link in links:
            yield link
        after = links[-1]["n"]


def _fault(link: Any, last: bytes, marks: Marks) -> str | None:
    if link["id"] is None:
        return "the row is missing"
    entry = entry_of(link)
    if marks.marked(entry).mark != link["mark"]:
        return "the row was altered"
    if marks.seal(last, link["n"], entry) != link["hash"]:
        return "the link does not follow from the one before it"
    return None


async def _look_beside(connection: DriverConnection, marks: Marks, verdict: Verdict) -> None:
    async for row in connection.cursor(_BESIDE):
        entry = entry_of(row)
        if marks.marked(entry).mark != row["mark"]:
            verdict.breaks.append(f"row {entry.id}: it was not written by a service")
        elif row["asked_at"] - entry.recorded_at > timedelta(seconds=SEALED_WITHIN_S):
            verdict.unsealed += 1
        else:
            verdict.waiting += 1
