"""What was searched for: counted by digest, read in the vault of somebody who searched for it."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.words import SEARCH_FIELD, of_search
from content_service.application.queries import SearchFilter, SearchView
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
