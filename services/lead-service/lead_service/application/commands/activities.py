"""Work on deals: calls, meetings, joint calls."""

from dataclasses import dataclass, field
from uuid import UUID

from lead_service.application.commands.terms import moment, references
from lead_service.application.ports import Saved, Tx
from lead_service.application.views import ActivityView, DealView
from lead_service.domain.deal import Activity
from lead_service.domain.values import When
from onefunnel.events.values import DealId, PersonId
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class LogActivity:
    """Note work on a deal."""

    deal_id: UUID
    kind: str
    at: When | None = None
    person_id: UUID | None = None
    two_way: bool = False
    note: str | None = field(default=None, repr=False)


async def log_activity(command: LogActivity, *, tx: Tx) -> tuple[ActivityView, Saved[DealView]]:
    """Note work on a deal; the words stay here."""
    await tx.references.require(
        references(("deal", command.deal_id, "/deal"), ("person", command.person_id, "/person"))
    )
    activity = Activity(
        id=new_id(),
        deal_id=DealId(command.deal_id),
        at=await moment(command.at, tx=tx),
        kind=command.kind,
        person_id=PersonId(command.person_id) if command.person_id else None,
        two_way=command.two_way,
        note=command.note,
    )
    deal = await tx.deals.get(command.deal_id)
    saved = await tx.deals.save(deal, deal.log(activity), note=command.note)
    return await tx.activities.add(activity), saved
