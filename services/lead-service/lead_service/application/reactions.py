"""What the lead service does about events of other services."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from lead_service.application.commands.crm import follow_deal
from lead_service.application.commands.crm_leads import follow_lead
from lead_service.application.ports import Batch, Tx
from lead_service.domain.crm import CrmRecord
from lead_service.domain.values import External
from onefunnel.errors import DomainError
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.events.scoring import LeadQualified


class Qualifications(Protocol):
    """When leads were qualified, beside what people do with them."""

    async def note(self, tenant_id: UUID, lead_id: UUID, qualified_at: datetime) -> None:
        """Keep the earliest time; a lead that is not there is nothing to note."""
        ...


async def note_qualified(
    event: LeadQualified, tenant_id: UUID, *, qualifications: Qualifications
) -> None:
    """Remember when a lead was qualified, for the origin of the deal that it may become.

    Nothing is published and no version changes: scoring-service has said it already, and nobody's
    edit becomes stale by it.
    """
    await qualifications.note(tenant_id, event.lead_id, event.qualified_at)


class CrmRecords(Protocol):
    """What CRMs have told about their records, in one transaction of one tenant."""

    async def find(self, id_: UUID) -> CrmRecord | None:
        """Return the record, locked for change, or None."""
        ...

    async def save(self, record: CrmRecord) -> None:
        """Write a record, whether it was there or not."""
        ...


Follow = Callable[..., Awaitable[CrmRecord]]
_FOLLOW: Final[Mapping[str, Follow]] = {"deal": follow_deal, "lead": follow_lead}


async def follow_crm(event: CrmChangeReceived, *, records: CrmRecords, batch: Batch) -> str | None:
    """Take a CRM's words in, and let the lead or deal follow; return what stands against it.

    A rule that refuses it is kept with the record, which stays as it was told: the next change, or the
    same one replayed after somebody put things right, follows all of it.
    """
    known = await records.find(event.record_id)
    record = known or CrmRecord(
        event.record_id, event.kind, External(event.source, event.external_id)
    )
    heard = record.heard(_told(event), at=event.occurred_at, tie=event.tie)
    if heard == record and record.problem is None:
        return None
    try:
        with batch.item():
            followed = await _followed(heard, batch.tx)
    except DomainError as error:
        followed = replace(heard, problem=f"{error.code} {error.pointer or ''}".strip())
    await batch.flush()
    await records.save(followed)
    return followed.problem


async def _followed(record: CrmRecord, tx: Tx) -> CrmRecord:
    return replace(await _FOLLOW[record.kind](record, tx=tx), problem=None)


_AS_TOLD: Final = {
    "stage": "stage",
    "standing": "standing",
    "amount": "amount",
    "currency": "currency",
    "cost": "cost",
    "discount": "discount",
    "owner_id": "owner",
    "campaign_id": "campaign",
    "origin": "origin",
    "lead_id": "lead",
    "lost_reason": "lost_reason",
}


def _told(event: CrmChangeReceived) -> dict[str, str]:
    told = {
        name: str(value)
        for field, name in _AS_TOLD.items()
        if (value := getattr(event, field)) is not None
    }
    for name in ("created_at", "closed_at"):
        if (at := getattr(event, name)) is not None:
            told[name] = at.isoformat()
    if event.erased:
        told["erased"] = "true"
    if event.deleted is not None:
        told["deleted"] = "true" if event.deleted else "false"
    # A record of which nothing is said but that it exists is heard of all the same.
    return told | dict.fromkeys(event.emptied, "") or {"seen": "true"}
