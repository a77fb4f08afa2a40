"""Leads as scoring knows them, in PostgreSQL: facts, activities, verdict."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.values import LeadId
from onefunnel.outbox.rows import AggregateRows
from scoring_service.adapters.tables import ACTIVITY, ASSET, LEAD_SCORE
from scoring_service.domain.lead_score import LeadScore, Qualification, Verdict
from scoring_service.domain.score import Activity

# A lead with more than this many activities is a machine; its newest ones are scored.
MAX_ACTIVITIES: Final = 5_000


class SqlLeadReads:
    """Leads of one tenant, for reading."""

    def __init__(self, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def find(self, lead_id: UUID) -> LeadScore | None:
        """Return a lead for reading."""
        query = select(LEAD_SCORE).where(
            LEAD_SCORE.c.tenant_id == self._tenant_id, LEAD_SCORE.c.id == lead_id
        )
        row = (await self._conn.execute(query)).mappings().one_or_none()
        return None if row is None else _lead(row)

    async def activities(self, lead_id: UUID) -> list[Activity]:
        """Return the newest activities, views with their asset's kind."""
        of_asset = and_(
            ASSET.c.tenant_id == ACTIVITY.c.tenant_id, ASSET.c.id == ACTIVITY.c.asset_id
        )
        query = (
            select(ACTIVITY, ASSET.c.kind.label("asset_kind"))
            .outerjoin(ASSET, of_asset)
            .where(ACTIVITY.c.tenant_id == self._tenant_id, ACTIVITY.c.lead_id == lead_id)
            .order_by(ACTIVITY.c.at.desc(), ACTIVITY.c.id)
            .limit(MAX_ACTIVITIES)
        )
        return [_activity(row) for row in (await self._conn.execute(query)).mappings()]


class SqlLeads(SqlLeadReads):
    """Leads of one tenant, to be changed."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        super().__init__(conn, metadata.tenant_id)
        self._rows = AggregateRows(conn, metadata, LEAD_SCORE)

    async def get(self, lead_id: LeadId) -> LeadScore:
        """Return a lead, locked; one never heard of before is blank."""
        row = await self._rows.get(lead_id)
        return LeadScore(lead_id) if row is None else _lead(row)

    async def save(self, lead: LeadScore, events: Sequence[Event]) -> UUID | None:
        """Save a lead that was got, and its events."""
        return await self._rows.save(lead.lead_id, _values(lead), events)

    async def record(self, lead_id: LeadId, activity: Activity, *, asset_id: UUID | None) -> None:
        """Keep an activity, once."""
        statement = (
            insert(ACTIVITY)
            .values(
                tenant_id=self._tenant_id,
                id=activity.id,
                lead_id=lead_id,
                kind=activity.kind,
                at=activity.at,
                asset_id=asset_id,
                facts=dict(activity.facts),
            )
            .on_conflict_do_nothing(index_elements=["tenant_id", "id"])
        )
        await self._conn.execute(statement)

    async def learn_kind(self, asset_id: UUID, kind: str, version: int) -> None:
        """Remember an asset's kind, from the newest version heard of."""
        statement = insert(ASSET).values(
            tenant_id=self._tenant_id, id=asset_id, kind=kind, newest=version
        )
        await self._conn.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "id"],
                set_={"kind": statement.excluded.kind, "newest": statement.excluded.newest},
                where=statement.excluded.newest > ASSET.c.newest,
            )
        )


def _lead(row: RowMapping) -> LeadScore:
    return LeadScore(
        lead_id=row["id"],
        source=row["source"],
        campaign_id=row["campaign_id"],
        segment=row["segment"],
        attributes=row["attributes"],
        verdict=_verdict(row),
        qualification=_qualification(row),
    )


def _verdict(row: RowMapping) -> Verdict | None:
    if row["scored_at"] is None:
        return None
    return Verdict(
        definition_version=row["definition_version"],
        fit=row["fit"],
        engagement=row["engagement"],
        grade=row["grade"],
        scored_at=row["scored_at"],
    )


def _qualification(row: RowMapping) -> Qualification | None:
    if row["qualified_at"] is None:
        return None
    return Qualification(row["qualified_at"], row["qualified_version"])


def _values(lead: LeadScore) -> dict[str, object]:
    verdict, qualification = lead.verdict, lead.qualification
    return {
        "source": lead.source,
        "campaign_id": lead.campaign_id,
        "segment": lead.segment,
        "attributes": dict(lead.attributes),
        "definition_version": verdict and verdict.definition_version,
        "fit": verdict and verdict.fit,
        "engagement": verdict and verdict.engagement,
        "grade": verdict and verdict.grade,
        "scored_at": verdict and verdict.scored_at,
        "qualified_at": qualification and qualification.qualified_at,
        "qualified_version": qualification and qualification.definition_version,
    }


def _activity(row: RowMapping) -> Activity:
    facts = row["facts"]
    if row["asset_kind"] is not None:
        facts = {**facts, "kind": row["asset_kind"]}
    return Activity(row["id"], row["kind"], row["at"], facts)
