"""Ratings in PostgreSQL: the newest of each side, every one ever given, and the queue of cases."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.errors import not_found
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import LeadId
from onefunnel.ids import new_id
from onefunnel.outbox.rows import AggregateRows
from onefunnel.vault.notes import Notes, Place
from scoring_service.adapters.tables import LEAD_RATING, RATING, RECONCILIATION
from scoring_service.domain.lead_rating import Case, Decision, LeadRating, Rating
from scoring_service.domain.parties import Party, person_of


class SqlRatings:
    """Ratings of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata, notes: Notes) -> None:
        self._conn = conn
        self._tenant_id = metadata.tenant_id
        self._rows = AggregateRows(conn, metadata, LEAD_RATING)
        self._notes = notes

    async def get(self, lead_id: LeadId) -> LeadRating:
        """Return a lead's ratings, locked; one never rated is blank."""
        row = await self._rows.get(lead_id)
        if row is None:
            return LeadRating(lead_id)
        return LeadRating(
            lead_id=lead_id,
            marketing=row["marketing"],
            sales=row["sales"],
            decision=await decision_of(row, self._notes),
            case=await self._case(row["case_id"]),
        )

    async def lead_of(self, case_id: UUID) -> LeadId:
        """Return whose case this is."""
        return LeadId((await self._case_row(case_id))["lead_id"])

    async def save(self, lead: LeadRating, events: Sequence[Event], *, by: Party) -> UUID:
        """Save ratings that were got, their case and their events."""
        if lead.case is not None:
            await self._save_case(lead.lead_id, lead.case, by)
        event_id = await self._rows.save(lead.lead_id, _values(lead), events)
        assert event_id is not None, "a rating and a decision are always published"
        return event_id

    async def keep(self, lead_id: LeadId, rating: Rating, *, by: Party) -> None:
        """Add a rating to the history."""
        await self._conn.execute(
            insert(RATING).values(
                tenant_id=self._tenant_id,
                id=new_id(),
                lead_id=lead_id,
                side=rating.side,
                score=rating.score,
                reason=rating.reason,
                rater_id=rating.rater_id,
                rated_by=by.principal_id,
                rated_at=rating.rated_at,
                definition_version=rating.definition_version,
            )
        )

    async def _case(self, case_id: UUID | None) -> Case | None:
        if case_id is None:
            return None
        (case,) = await cases_of([await self._case_row(case_id)], self._notes)
        return case

    async def _case_row(self, case_id: UUID) -> RowMapping:
        query = select(RECONCILIATION).where(
            RECONCILIATION.c.tenant_id == self._tenant_id, RECONCILIATION.c.id == case_id
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("reconciliation")
        return row

    async def _save_case(self, lead_id: LeadId, case: Case, by: Party) -> None:
        decision = case.decision
        values = {
            "marketing": case.marketing,
            "sales": case.sales,
            "score": decision and decision.score,
            "method": decision and decision.method,
            "decided_by": decision and decision.decided_by,
            "decided_principal": decision and by.principal_id,
            "decided_at": decision and decision.decided_at,
        }
        key = {"tenant_id": self._tenant_id, "id": case.id}
        statement = insert(RECONCILIATION).values(
            key | {"lead_id": lead_id, "opened_at": case.opened_at} | values
        )
        await self._conn.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "id"],
                set_=values,
                where=RECONCILIATION.c.decided_at.is_(None),  # what was decided stays as it was
            )
        )
        if decision is not None:
            await self._notes.keep(_why(lead_id, case.id), decision.reason)


async def cases_of(rows: Sequence[RowMapping], notes: Notes) -> list[Case]:
    """Read cases from their rows and the vault."""
    said = await notes.read([_why(row["lead_id"], row["id"]) for row in rows])
    return [_case_from(row, said) for row in rows]


async def decision_of(row: RowMapping, notes: Notes) -> Decision | None:
    """Read what was decided about a lead from its row and the vault."""
    place = _why(row["id"], row["case_id"]) if row["case_id"] else None
    return _decision_from(row, place, await notes.read([place] if place else []))


def _case_from(row: RowMapping, said: Mapping[Place, str]) -> Case:
    """Read a case from its row."""
    return Case(
        id=row["id"],
        opened_at=row["opened_at"],
        marketing=row["marketing"],
        sales=row["sales"],
        decision=_decision_from(row, _why(row["lead_id"], row["id"]), said),
    )


def _decision_from(
    row: RowMapping, place: Place | None, said: Mapping[Place, str]
) -> Decision | None:
    """Read a decision from the row of a lead or of a case; only a person's says why."""
    if row["decided_at"] is None:
        return None
    return Decision(
        score=row["score"],
        method=row["method"],
        decided_at=row["decided_at"],
        decided_by=person_of(row["decided_by"]),
        reason=said.get(place) if place and row["method"] == "manager" else None,
    )


def _why(lead_id: UUID, case_id: UUID) -> Place:
    """Return where the words of a decision are: under the lead's key, for they are about the lead."""
    return Place(lead_id, f"decision:{case_id}")


def _values(lead: LeadRating) -> dict[str, object]:
    decision = lead.decision
    return {
        "marketing": lead.marketing,
        "sales": lead.sales,
        "score": decision and decision.score,
        "method": decision and decision.method,
        "decided_by": decision and decision.decided_by,
        "decided_at": decision and decision.decided_at,
        "case_id": lead.case and lead.case.id,
    }
