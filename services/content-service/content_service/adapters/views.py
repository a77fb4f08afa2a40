"""Reads, straight from SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.assets import asset_from, edition_from
from content_service.adapters.conversation import feedback_of, winlosses_of
from content_service.adapters.library import find_assets
from content_service.adapters.performance import performance_of
from content_service.adapters.reading import find_reading
from content_service.adapters.searches import find_searches
from content_service.adapters.shares import find_shares
from content_service.adapters.tables import ASSET, EDITION, FEEDBACK, OWN_DOMAIN, WINLOSS
from content_service.application.queries import (
    AssetView,
    EditionView,
    FeedbackFilter,
    Found,
    LibraryFilter,
    Performance,
    Reading,
    ReadingFilter,
    SearchFilter,
    SearchView,
    ShareFilter,
    ShareView,
    WinLossFilter,
)
from content_service.domain.feedback import Feedback
from content_service.domain.winloss import WinLoss
from onefunnel.errors import not_found
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes


class SqlViews:
    """Reads of one tenant in one transaction."""

    def __init__(self, keyring: Keyring, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id
        self._notes = Notes(driver_of(conn), tenant_id, keyring)

    async def asset(self, asset_id: UUID) -> AssetView:
        """Return an asset."""
        query = select(ASSET).where(ASSET.c.tenant_id == self._tenant_id, ASSET.c.id == asset_id)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("asset")
        return AssetView(asset_from(row), row["version"])

    async def editions(self, asset_id: UUID, *, below: int | None, limit: int) -> list[EditionView]:
        """Return versions, newest first."""
        await self.asset(asset_id)
        query = select(EDITION).where(
            EDITION.c.tenant_id == self._tenant_id, EDITION.c.id == asset_id
        )
        if below is not None:
            query = query.where(EDITION.c.number < below)
        rows = await self._conn.execute(query.order_by(EDITION.c.number.desc()).limit(limit))
        return [
            EditionView(row["number"], edition_from(row), row["published_at"])
            for row in rows.mappings()
        ]

    async def library(self, wanted: LibraryFilter) -> Found:
        """Return assets, best or newest first."""
        return await find_assets(self._conn, self._tenant_id, wanted)

    async def searches(self, wanted: SearchFilter) -> list[SearchView]:
        """Return what was searched for, most frequent first."""
        return await find_searches(self._conn, self._tenant_id, wanted, self._notes)

    async def shares(self, wanted: ShareFilter) -> list[ShareView]:
        """Return what was shared of an asset, newest first."""
        await self.asset(wanted.asset_id)
        return await find_shares(self._conn, self._tenant_id, wanted)

    async def own_domains(self) -> list[str]:
        """Return the domains of the tenant's own people."""
        query = select(OWN_DOMAIN.c.domain).where(OWN_DOMAIN.c.tenant_id == self._tenant_id)
        return sorted((await self._conn.execute(query)).scalars())

    async def performance(self, asset_id: UUID) -> Performance:
        """Return how an asset does."""
        await self.asset(asset_id)
        return await performance_of(self._conn, self._tenant_id, asset_id)

    async def reading(self, wanted: ReadingFilter) -> list[Reading]:
        """Return what buyers read."""
        if wanted.asset_id is not None:
            await self.asset(wanted.asset_id)
        return await find_reading(self._conn, self._tenant_id, wanted)

    async def feedback(self, wanted: FeedbackFilter) -> list[Feedback]:
        """Return items of feedback, the first due first."""
        answered = FEEDBACK.c.answered_at.is_not(None)
        conditions: list[Any] = [FEEDBACK.c.tenant_id == self._tenant_id]
        if wanted.status is not None:
            conditions.append(answered if wanted.status == "answered" else ~answered)
        if wanted.overdue:
            conditions += [~answered, FEEDBACK.c.due_on < wanted.today]
        if wanted.owner_id is not None:
            conditions.append(FEEDBACK.c.owner_id == wanted.owner_id)
        if wanted.asset_id is not None:
            conditions.append(FEEDBACK.c.asset_id == wanted.asset_id)
        if wanted.after is not None:
            conditions.append(tuple_(FEEDBACK.c.due_on, FEEDBACK.c.id) > tuple_(*wanted.after))
        query = select(FEEDBACK).where(*conditions).order_by(FEEDBACK.c.due_on, FEEDBACK.c.id)
        rows = await self._conn.execute(query.limit(wanted.limit))
        return await feedback_of(rows.mappings().all(), self._notes)

    async def feedback_item(self, feedback_id: UUID) -> Feedback:
        """Return one item."""
        query = select(FEEDBACK).where(
            FEEDBACK.c.tenant_id == self._tenant_id, FEEDBACK.c.id == feedback_id
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("feedback")
        (item,) = await feedback_of([row], self._notes)
        return item

    async def winlosses(self, wanted: WinLossFilter) -> list[WinLoss]:
        """Return why deals were won or lost, newest first."""
        table = WINLOSS
        conditions: list[Any] = [table.c.tenant_id == self._tenant_id]
        if wanted.deal_id is not None:
            conditions.append(table.c.deal_id == wanted.deal_id)
        if wanted.voice is not None:
            conditions.append(table.c.voice == wanted.voice)
        if wanted.after is not None:
            conditions.append(tuple_(table.c.recorded_at, table.c.id) < tuple_(*wanted.after))
        query = select(table).where(*conditions)
        query = query.order_by(table.c.recorded_at.desc(), table.c.id.desc())
        rows = await self._conn.execute(query.limit(wanted.limit))
        return await winlosses_of(rows.mappings().all(), self._notes)

    async def names(self, asset_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the titles of those assets that exist."""
        query = select(ASSET.c.id, ASSET.c.title).where(
            ASSET.c.tenant_id == self._tenant_id, ASSET.c.id.in_(asset_ids)
        )
        return {row.id: row.title for row in await self._conn.execute(query)}
