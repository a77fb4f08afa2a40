"""What was searched for: counted by digest, read in the vault of somebody who searched for it."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.tables import SEARCH
from content_service.adapters.words import SEARCH_FIELD, of_search
from content_service.application.queries import SearchFilter, SearchView
from onefunnel.events.content import ContentSearched
from onefunnel.events.envelope import Metadata, encode
from onefunnel.outbox.writer import append_only
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes

# Whoever searched for the same may lend the words; where nobody is left, the words are gone.
_SEARCHES: Final = text(f"""
SELECT s.digest, count(*) AS count, count(DISTINCT s.viewer_id) AS searchers,
    max(s.searched_at) AS last_searched_at, (array_agg(v.subject_id)
        FILTER (WHERE v.subject_id IS NOT NULL))[1] AS lender
FROM search s LEFT JOIN vault v ON v.tenant_id = s.tenant_id AND v.subject_id = s.viewer_id
    AND v.field = '{SEARCH_FIELD}' || encode(s.digest, 'hex')
WHERE s.tenant_id = :tenant AND (s.results = 0 OR NOT :empty)
GROUP BY s.digest
HAVING count(v.subject_id) > 0 AND (:count < 0 OR count(*) < :count
    OR (count(*) = :count AND s.digest > :digest))
ORDER BY count DESC, s.digest LIMIT :limit""")
_BEFORE_ALL: Final = (-1, b"")


class SqlSearches:
    """Searches of one tenant in one transaction."""

    def __init__(
        self, conn: AsyncConnection, metadata: Metadata, notes: Notes, keyring: Keyring
    ) -> None:
        self._conn = conn
        self._metadata = metadata
        self._notes = notes
        self._keyring = keyring

    async def keep(self, words: str, event: ContentSearched) -> UUID:
        """Keep the words here, sealed, and publish that somebody searched."""
        digest = self._keyring.digest(self._metadata.tenant_id, words)
        await self._conn.execute(
            insert(SEARCH).values(
                tenant_id=self._metadata.tenant_id,
                id=event.search_id,
                digest=digest,
                viewer_id=event.viewer_id,
                results=event.results,
                searched_at=event.searched_at,
            )
        )
        await self._notes.keep(of_search(event.viewer_id, digest), words)
        [record] = encode([event], self._metadata)
        await append_only(self._conn, [record])
        return record.event_id


async def find_searches(
    conn: AsyncConnection, tenant_id: UUID, wanted: SearchFilter, notes: Notes
) -> list[SearchView]:
    """Return what was searched for, most frequent first."""
    count, digest = wanted.after or _BEFORE_ALL
    asked = {"tenant": tenant_id, "empty": wanted.empty, "count": count, "digest": digest}
    found = await conn.execute(_SEARCHES, {**asked, "limit": wanted.limit})
    rows = found.mappings().all()
    places = {row["digest"]: of_search(row["lender"], row["digest"]) for row in rows}
    said = await notes.read(places.values())
    return [
        SearchView(
            digest=row["digest"],
            words=said[places[row["digest"]]],
            count=row["count"],
            searchers=row["searchers"],
            last_searched_at=row["last_searched_at"],
        )
        for row in rows
        if places[row["digest"]] in said  # else the lender was erased just now
    ]
