"""Views and searches in PostgreSQL: nothing here is an aggregate, their events carry no sequence."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.tables import SEARCH, VIEWED_PAGE, VIEWING
from content_service.adapters.words import of_search
from content_service.domain.viewing import Viewing
from onefunnel.events.content import ContentSearched, ContentViewed
from onefunnel.events.envelope import Metadata, encode
from onefunnel.outbox.writer import append_only
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes


class SqlViewings:
    """Views of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._conn = conn
        self._metadata = metadata

    async def find(self, view_id: UUID) -> Viewing | None:
        """Return a view; reports about one view come one after the other."""
        name = f"viewing/{self._metadata.tenant_id}/{view_id}"
        lock = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
        await self._conn.execute(select(lock))
        query = select(VIEWING).where(
            VIEWING.c.tenant_id == self._metadata.tenant_id, VIEWING.c.id == view_id
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return Viewing(
            id=view_id,
            asset_id=row["asset_id"],
            version=row["number"],
            viewer_id=row["viewer_id"],
            viewed_at=row["viewed_at"],
            share_id=row["share_id"],
            lead_id=row["lead_id"],
            machine=row["machine"],
            pages=await self._pages(view_id),
        )

    async def keep(self, viewing: Viewing, event: ContentViewed | None) -> UUID | None:
        """Save a view and its event."""
        heard = {
            "machine": viewing.machine,
            "bot": viewing.bot,
            "duration_ms": viewing.duration_ms,
            "pages_seen": len(viewing.pages),
        }
        statement = insert(VIEWING).values(
            tenant_id=self._metadata.tenant_id,
            id=viewing.id,
            asset_id=viewing.asset_id,
            number=viewing.version,
            viewer_id=viewing.viewer_id,
            viewed_at=viewing.viewed_at,
            share_id=viewing.share_id,
            lead_id=viewing.lead_id,
            **heard,
        )
        await self._conn.execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=heard)
        )
        await self._keep_pages(viewing)
        records = encode([event] if event else [], self._metadata)
        await append_only(self._conn, records)
        return records[-1].event_id if records else None

    async def _pages(self, view_id: UUID) -> dict[int, int]:
        query = select(VIEWED_PAGE.c.page, VIEWED_PAGE.c.duration_ms).where(
            VIEWED_PAGE.c.tenant_id == self._metadata.tenant_id, VIEWED_PAGE.c.id == view_id
        )
        return {row.page: row.duration_ms for row in await self._conn.execute(query)}

    async def _keep_pages(self, viewing: Viewing) -> None:
        if not viewing.pages:
            return
        rows = [
            {
                "tenant_id": self._metadata.tenant_id,
                "id": viewing.id,
                "page": page,
                "duration_ms": duration_ms,
            }
            for page, duration_ms in viewing.pages.items()
        ]
        statement = insert(VIEWED_PAGE).values(rows)
        await self._conn.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "id", "page"],
                set_={"duration_ms": statement.excluded.duration_ms},
            )
        )


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
