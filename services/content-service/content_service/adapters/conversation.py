"""Feedback and win-loss in PostgreSQL; what people said is in the vault."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from content_service.adapters import words
from content_service.adapters.tables import FEEDBACK, WINLOSS
from content_service.application.ports import Saved
from content_service.domain.feedback import Answer, Feedback
from content_service.domain.winloss import Voice, WinLoss
from onefunnel.errors import not_found
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import DealId
from onefunnel.outbox.rows import AggregateRows
from onefunnel.vault.notes import Notes, Place


class SqlFeedback:
    """Feedback of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, notes: Notes) -> None:
        self._rows = AggregateRows(conn, metadata, FEEDBACK)
        self._notes = notes

    async def get(self, feedback_id: UUID) -> Feedback:
        """Return an item, locked."""
        row = await self._rows.get(feedback_id)
        if row is None:
            raise not_found("feedback")
        (item,) = await feedback_of([row], self._notes)
        return item

    async def save(self, item: Feedback, event: Event) -> Saved:
        """Save an item and its event, and keep what was said last: the item's words, or its answer's."""
        event_id = await self._rows.save(item.id, _feedback(item), [event])
        if item.answer is None:
            await self._notes.keep(words.of_feedback(item.id, item.submitted_by), item.text)
        else:
            place = words.of_answer(item.id, item.answer.answered_by)
            await self._notes.keep(place, item.answer.text)
        return Saved(self._rows.version_of(item.id), event_id)


class SqlWinLoss:
    """Win-loss of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, notes: Notes) -> None:
        self._conn = conn
        self._tenant_id = metadata.tenant_id
        self._rows = AggregateRows(conn, metadata, WINLOSS)
        self._notes = notes

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
        await self._notes.keep(words.of_winloss(record.id, record.deal_id), record.text)
        return Saved(self._rows.version_of(record.id), event_id)


async def feedback_of(rows: Sequence[RowMapping], notes: Notes) -> list[Feedback]:
    """Read items from their rows and the vault."""
    places = [place for row in rows for place in (_said(row), _answered(row))]
    said = await notes.read(places)
    return [_feedback_from(row, said) for row in rows]


async def winlosses_of(rows: Sequence[RowMapping], notes: Notes) -> list[WinLoss]:
    """Read records from their rows and the vault."""
    said = await notes.read([words.of_winloss(row["id"], row["deal_id"]) for row in rows])
    return [_winloss_from(row, said) for row in rows]


def _feedback_from(row: RowMapping, said: Mapping[Place, str]) -> Feedback:
    return Feedback(
        id=row["id"],
        kind=row["kind"],
        text=said.get(_said(row), words.ERASED),
        owner_id=row["owner_id"],
        due_on=row["due_on"],
        submitted_by=row["submitted_by"],
        submitted_at=row["submitted_at"],
        asset_id=row["asset_id"],
        campaign_id=row["campaign_id"],
        answer=_answer(row, said),
    )


def _winloss_from(row: RowMapping, said: Mapping[Place, str]) -> WinLoss:
    return WinLoss(
        id=row["id"],
        deal_id=row["deal_id"],
        voice=row["voice"],
        reasons=tuple(row["reasons"]),
        text=said.get(words.of_winloss(row["id"], row["deal_id"])),
        recorded_by=row["recorded_by"],
        recorded_at=row["recorded_at"],
    )


def _said(row: RowMapping) -> Place:
    return words.of_feedback(row["id"], row["submitted_by"])


def _answered(row: RowMapping) -> Place:
    return words.of_answer(row["id"], row["answered_by"])


def _answer(row: RowMapping, said: Mapping[Place, str]) -> Answer | None:
    if row["answered_at"] is None:
        return None
    text = said.get(_answered(row), words.ERASED)
    return Answer(text, row["changed"], row["answered_by"], row["answered_at"])


def _feedback(item: Feedback) -> dict[str, Any]:
    answer = item.answer
    return {
        "kind": item.kind,
        "owner_id": item.owner_id,
        "due_on": item.due_on,
        "submitted_by": item.submitted_by,
        "submitted_at": item.submitted_at,
        "asset_id": item.asset_id,
        "campaign_id": item.campaign_id,
        "changed": answer and answer.changed,
        "answered_by": answer and answer.answered_by,
        "answered_at": answer and answer.answered_at,
    }


def _winloss(record: WinLoss) -> dict[str, Any]:
    return {
        "deal_id": record.deal_id,
        "voice": record.voice,
        "reasons": list(record.reasons),
        "recorded_by": record.recorded_by,
        "recorded_at": record.recorded_at,
    }
