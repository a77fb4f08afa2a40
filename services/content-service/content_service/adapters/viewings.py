"""Views in PostgreSQL: none is an aggregate, and their events carry no sequence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.tables import OWN_DOMAIN, VIEWED_BEAT, VIEWED_PAGE, VIEWING
from content_service.domain.viewing import Viewing
from onefunnel.events.content import ContentViewed
from onefunnel.events.envelope import Metadata, encode
from onefunnel.ids import derived_id
from onefunnel.outbox.writer import append_only
from onefunnel.vault.keyring import Keyring


class SqlViewings:
    """Views of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, keyring: Keyring) -> None:
        self._conn = conn
        self._metadata = metadata
        self._tenant_id = metadata.tenant_id
        self._keyring = keyring

    async def find(self, view_id: UUID) -> Viewing | None:
        """Return a view; reports about one view come one after the other."""
        await self._lock(f"viewing/{self._tenant_id}/{view_id}")
        query = select(VIEWING).where(
            VIEWING.c.tenant_id == self._tenant_id, VIEWING.c.id == view_id
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
            internal=row["internal"],
            anonymous=row["anonymous"],
            beats=row["beats"],
            pages=await self._pages(view_id),
        )

    async def keep(
        self, viewing: Viewing, event: ContentViewed | None, *, client: bytes | None = None
    ) -> UUID | None:
        """Save a view and its event."""
        heard = {
            "machine": viewing.machine,
            "bot": viewing.bot,
            "internal": viewing.internal,
            "duration_ms": viewing.duration_ms,
            "pages_seen": len(viewing.pages),
            "beats": viewing.beats,
        }
        statement = insert(VIEWING).values(
            tenant_id=self._tenant_id,
            id=viewing.id,
            asset_id=viewing.asset_id,
            number=viewing.version,
            viewer_id=viewing.viewer_id,
            viewed_at=viewing.viewed_at,
            share_id=viewing.share_id,
            lead_id=viewing.lead_id,
            anonymous=viewing.anonymous,
            client=client,
            **heard,
        )
        await self._conn.execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=heard)
        )
        await self._keep_pages(viewing)
        records = encode([event] if event else [], self._metadata)
        await append_only(self._conn, records)
        return records[-1].event_id if records else None

    async def is_new(self, view_id: UUID, seq: int) -> bool:
        """Say whether this beat comes for the first time, and remember it."""
        statement = insert(VIEWED_BEAT).values(tenant_id=self._tenant_id, id=view_id, seq=seq)
        added = await self._conn.execute(statement.on_conflict_do_nothing())
        return added.rowcount == 1

    def viewer_of(self, address: str) -> UUID:
        """Return what an e-mail address is known by here: it follows from a keyed digest."""
        digest = self._keyring.digest(self._tenant_id, f"viewer\x1f{address.casefold()}")
        return derived_id(self._tenant_id, "onefunnel", "viewer", digest.hex())

    async def own_domains(self) -> frozenset[str]:
        """Return the domains of the tenant's own people."""
        query = select(OWN_DOMAIN.c.domain).where(OWN_DOMAIN.c.tenant_id == self._tenant_id)
        return frozenset((await self._conn.execute(query)).scalars())

    async def set_own_domains(self, domains: frozenset[str]) -> None:
        """Put these in the place of the domains that were; two that do so take turns."""
        await self._lock(f"own_domain/{self._tenant_id}")
        gone = OWN_DOMAIN.c.tenant_id == self._tenant_id
        await self._conn.execute(delete(OWN_DOMAIN).where(gone))
        if domains:
            rows = [{"tenant_id": self._tenant_id, "domain": domain} for domain in sorted(domains)]
            await self._conn.execute(insert(OWN_DOMAIN).values(rows))

    async def opened_by(self, client: bytes, *, since: datetime) -> Mapping[UUID, UUID]:
        """Return the views that a client opened; what it opens at once is looked at one after the other."""
        await self._lock(f"client/{self._tenant_id}/{client.hex()}")
        query = select(VIEWING.c.id, VIEWING.c.share_id).where(
            VIEWING.c.tenant_id == self._tenant_id,
            VIEWING.c.client == client,
            VIEWING.c.viewed_at >= since,
        )
        return {row.id: row.share_id for row in await self._conn.execute(query)}

    async def are_machines(self, view_ids: Sequence[UUID]) -> None:
        """Take views for a machine's, but for those that somebody has read meanwhile."""
        those = (VIEWING.c.tenant_id == self._tenant_id, VIEWING.c.id.in_(view_ids), VIEWING.c.bot)
        await self._conn.execute(update(VIEWING).where(*those).values(machine=True))

    async def _lock(self, name: str) -> None:
        lock = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
        await self._conn.execute(select(lock))

    async def _pages(self, view_id: UUID) -> dict[int, int]:
        query = select(VIEWED_PAGE.c.page, VIEWED_PAGE.c.duration_ms).where(
            VIEWED_PAGE.c.tenant_id == self._tenant_id, VIEWED_PAGE.c.id == view_id
        )
        return {row.page: row.duration_ms for row in await self._conn.execute(query)}

    async def _keep_pages(self, viewing: Viewing) -> None:
        if not viewing.pages:
            return
        rows = [
            {
                "tenant_id": self._tenant_id,
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
