"""Assets in PostgreSQL, with their versions, shares and verdicts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.tables import ASSET, ASSET_RATING, EDITION, SHARE
from content_service.adapters.words import of_verdict
from content_service.application.ports import Author, Saved
from content_service.domain.asset import Asset, Edition, Share
from onefunnel.errors import conflict, not_found
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.ids import new_id
from onefunnel.outbox.rows import AggregateRows
from onefunnel.vault.notes import Notes


class SqlAssets:
    """The library of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, notes: Notes) -> None:
        self._conn = conn
        self._tenant_id = metadata.tenant_id
        self._rows = AggregateRows(conn, metadata, ASSET)
        self._notes = notes

    async def get(self, asset_id: UUID) -> Asset:
        """Return an asset, locked."""
        row = await self._rows.get(asset_id)
        if row is None:
            raise not_found("asset")
        return asset_from(row)

    async def find(self, asset_id: UUID) -> Asset:
        """Return an asset for reading."""
        query = select(ASSET).where(ASSET.c.tenant_id == self._tenant_id, ASSET.c.id == asset_id)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("asset")
        return asset_from(row)

    async def add(self, asset: Asset, event: Event, *, by: Author) -> Saved:
        """Save a new asset with its first version."""
        if await self._rows.get(asset.id) is not None:
            raise conflict("There is an asset with this external id already.")
        saved = await self.save(asset, event)
        await self.keep_edition(asset, by=by)
        return saved

    async def save(self, asset: Asset, event: Event) -> Saved:
        """Save an asset that was got, and its event."""
        event_id = await self._rows.save(asset.id, _values(asset), [event])
        return Saved(self._rows.version_of(asset.id), event_id)

    async def keep_edition(self, asset: Asset, *, by: Author) -> None:
        """Keep the newest version beside the earlier ones."""
        key = {"id": asset.id, "number": asset.version, "published_by": by.principal_id}
        await self._insert(EDITION, key | _edition(asset))

    async def pages(self, asset_id: UUID, version: int) -> int | None:
        """Return how many pages a version has."""
        query = select(EDITION.c.pages).where(
            EDITION.c.tenant_id == self._tenant_id,
            EDITION.c.id == asset_id,
            EDITION.c.number == version,
        )
        pages: int | None = (await self._conn.execute(query)).scalar_one_or_none()
        return pages

    async def keep_share(self, share: Share, digest: bytes, *, by: Author) -> None:
        """Keep a share and the hash of its token."""
        await self._insert(
            SHARE,
            {
                "id": share.id,
                "asset_id": share.asset_id,
                "number": share.version,
                "token_hash": digest,
                "deal_id": share.deal_id,
                "lead_id": share.lead_id,
                "shared_by": share.shared_by,
                "principal_id": by.principal_id,
                "shared_at": share.shared_at,
                "expires_at": share.expires_at,
            },
        )

    async def share(self, share_id: UUID) -> Share:
        """Return a share."""
        return await self._share(SHARE.c.id == share_id)

    async def share_of(self, digest: bytes) -> Share:
        """Return the share whose token has this hash."""
        return await self._share(SHARE.c.token_hash == digest)

    async def revoke(self, share: Share, *, by: Author) -> None:
        """Keep that a share was withdrawn; the first time counts."""
        statement = update(SHARE).where(
            SHARE.c.tenant_id == self._tenant_id,
            SHARE.c.id == share.id,
            SHARE.c.revoked_at.is_(None),
        )
        values = {"revoked_at": share.revoked_at, "revoked_by": by.principal_id}
        await self._conn.execute(statement.values(values))

    async def keep_rating(
        self, asset_id: UUID, score: int, reason: str | None, *, by: Author, at: datetime
    ) -> None:
        """Add a verdict to the history."""
        rating_id = new_id()
        await self._insert(
            ASSET_RATING,
            {
                "id": rating_id,
                "asset_id": asset_id,
                "score": score,
                "rated_by": by.person_id,
                "principal_id": by.principal_id,
                "rated_at": at,
            },
        )
        await self._notes.keep(of_verdict(rating_id, by.person_id), reason)

    async def _share(self, condition: Any) -> Share:
        query = select(SHARE).where(SHARE.c.tenant_id == self._tenant_id, condition)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("share")
        return share_from(row)

    async def _insert(self, table: Table, values: dict[str, object]) -> None:
        await self._conn.execute(insert(table).values(tenant_id=self._tenant_id, **values))


def asset_from(row: RowMapping) -> Asset:
    """Read an asset from its row."""
    return Asset(
        id=row["id"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        stage=row["stage"],
        segment=row["segment"],
        expires_on=row["expires_on"],
        version=row["newest"],
        edition=edition_from(row),
        published_at=row["published_at"],
        retired_at=row["retired_at"],
    )


def share_from(row: RowMapping) -> Share:
    """Read a share from its row."""
    return Share(
        id=row["id"],
        asset_id=row["asset_id"],
        version=row["number"],
        deal_id=row["deal_id"],
        lead_id=row["lead_id"],
        shared_by=row["shared_by"],
        shared_at=row["shared_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


def edition_from(row: RowMapping) -> Edition:
    """Read the words and pages of a version from its row."""
    return Edition(row["title"], row["summary"], row["body"], row["pages"])


def _edition(asset: Asset) -> dict[str, object]:
    edition = asset.edition
    return {
        "title": edition.title,
        "summary": edition.summary,
        "body": edition.body,
        "pages": edition.pages,
        "published_at": asset.published_at,
    }


def _values(asset: Asset) -> dict[str, object]:
    return _edition(asset) | {
        "kind": asset.kind,
        "owner_id": asset.owner_id,
        "stage": asset.stage,
        "segment": asset.segment,
        "expires_on": asset.expires_on,
        "newest": asset.version,
        "retired_at": asset.retired_at,
    }
