"""Feedback and win-loss in PostgreSQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters.tables import FEEDBACK, WINLOSS
from content_service.application.ports import Saved
from content_service.domain.feedback import Answer, Feedback
from content_service.domain.winloss import Voice, WinLoss
from onefunnel.errors import not_found
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import DealId
from onefunnel.outbox.rows import AggregateRows


class SqlFeedback:
    """Feedback of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._rows = AggregateRows(conn, metadata, FEEDBACK)

    async def get(self, feedback_id: UUID) -> Feedback:
        """Return an item, locked."""
        row = await self._rows.get(feedback_id)
        if row is None:
            raise not_found("feedback")
        return feedback_from(row)

    async def save(self, item: Feedback, event: Event) -> Saved:
        """Save an item and its event."""
        event_id = await self._rows.save(item.id, _feedback(item), [event])
        return Saved(self._rows.version_of(item.id), event_id)


class SqlWinLoss:
    """Win-loss of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        self._conn = conn
        self._tenant_id = metadata.tenant_id
        self._rows = AggregateRows(conn, metadata, WINLOSS)

    async def voices(self, deal_id: DealId) -> Sequence[Voice]:
        """Return who has spoken about a deal; others wait until the commit."""
        name = f"winloss/{self._tenant_id}/{deal_id}"
        lock = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
        await self._conn.execute(select(lock))
        query = select(WINLOSS.c.voice).where(
            WINLOSS.c.tenant_id == self._tenant_id, WINLOSS.c.deal_id == deal_id
        )
        return list((await self._conn.execute(query.distinct())).scalars())

    async def add(self, record: WinLoss, event: Event) -> Saved:
        """Save a record and its event."""
        event_id = await self._rows.save(record.id, _winloss(record), [event])
        return Saved(self._rows.version_of(record.id), event_id)


def feedback_from(row: RowMapping) -> Feedback:
    """Read an item from its row."""
    return Feedback(
        id=row["id"],
        kind=row["kind"],
        text=row["text"],
        owner_id=row["owner_id"],
        due_on=row["due_on"],
        submitted_by=row["submitted_by"],
        submitted_at=row["submitted_at"],
        asset_id=row["asset_id"],
        campaign_id=row["campaign_id"],
        answer=_answer(row),
    )


def winloss_from(row: RowMapping) -> WinLoss:
    """Read a record from its row."""
    return WinLoss(
        id=row["id"],
        deal_id=row["deal_id"],
        voice=row["voice"],
        reasons=tuple(row["reasons"]),
        text=row["text"],
        recorded_by=row["recorded_by"],
        recorded_at=row["recorded_at"],
    )


def _answer(row: RowMapping) -> Answer | None:
    if row["answered_at"] is None:
        return None
    return Answer(row["answer"], row["changed"], row["answered_by"], row["answered_at"])


def _feedback(item: Feedback) -> dict[str, Any]:
    answer = item.answer
    return {
        "kind": item.kind,
        "text": item.text,
        "owner_id": item.owner_id,
        "due_on": item.due_on,
        "submitted_by": item.submitted_by,
        "submitted_at": item.submitted_at,
        "asset_id": item.asset_id,
        "campaign_id": item.campaign_id,
        "answer": answer and answer.text,
        "changed": answer and answer.changed,
        "answered_by": answer and answer.answered_by,
        "answered_at": answer and answer.answered_at,
    }


def _winloss(record: WinLoss) -> dict[str, Any]:
    return {
        "deal_id": record.deal_id,
        "voice": record.voice,
        "reasons": list(record.reasons),
        "text": record.text,
        "recorded_by": record.recorded_by,
        "recorded_at": record.recorded_at,
    }
