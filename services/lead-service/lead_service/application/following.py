"""What a CRM tells is taken in, and the lead or deal here follows; so do those that were waiting for it."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import UUID

from lead_service.application.commands.crm import follow_deal
from lead_service.application.commands.crm_leads import follow_lead
from lead_service.application.ports import Batch, Tx
from lead_service.domain.crm import CrmRecord
from lead_service.domain.values import External
from onefunnel.errors import DomainError
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.ids import derived_id


class CrmRecords(Protocol):
    """What CRMs have told about their records, in one transaction of one tenant."""

    async def hold(self, ids: Collection[UUID]) -> None:
        """Let nobody else follow these leads and deals until the transaction ends."""
        ...

    async def find(self, id_: UUID) -> CrmRecord | None:
        """Return the record, locked for change, or None."""
        ...

    async def awaiting(self, id_: UUID) -> Sequence[CrmRecord]:
        """Return the records that name a lead or deal which was not here, locked for change."""
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
    await records.hold(_named(event, batch.tx.tenant_id))
    known = await records.find(event.record_id)
    record = known or CrmRecord(
        event.record_id, event.kind, External(event.source, event.external_id)
    )
    heard = record.heard(_told(event), at=event.occurred_at, tie=event.tie)
    if heard == record and record.problem is None:
        return None
    following = _Following(records, batch)
    followed = await following.follow(heard)
    for waiting in await records.awaiting(followed.id):
        await following.follow(waiting)
    await batch.flush()
    return followed.problem


def _named(event: CrmChangeReceived, tenant_id: UUID) -> set[UUID]:
    """Return the leads and deals that a change is about or names."""
    named = {event.record_id, event.lead_id, event.deal_id}
    if event.merged_into is not None:
        named.add(derived_id(tenant_id, event.source, event.kind, event.merged_into))
    return {id_ for id_ in named if id_ is not None}


@dataclass(frozen=True)
class _Following:
    """Lets records be followed, one after the other."""

    records: CrmRecords
    batch: Batch

    async def follow(self, record: CrmRecord) -> CrmRecord:
        """Let a lead or deal become what its record says, and a lead's deal with it; or keep why it cannot."""
        followed = await self._follow(record)
        return await self._tell_deal(followed) if followed.kind == "lead" else followed

    async def _follow(self, record: CrmRecord) -> CrmRecord:
        try:
            with self.batch.item():
                followed = await _followed(record, self.batch.tx)
        except DomainError as error:
            followed = replace(record, problem=f"{error.code} {error.pointer or ''}".strip())
        await self.records.save(followed)
        return followed

    async def _tell_deal(self, lead: CrmRecord) -> CrmRecord:
        """Let a lead's deal follow too: what a lead says of its deal is a word about the deal."""
        deal_id = await self._deal_of(lead)
        if deal_id is None:
            return lead
        deal = await self.records.find(deal_id)
        if deal is None:
            waiting = replace(lead, awaits=lead.awaits or deal_id)
            await self.records.save(waiting)
            return waiting
        word = lead.newest("deal")
        if word is not None and not deal.says("lead"):
            deal = deal.heard({"lead": str(lead.id)}, at=word.at, tie=word.tie)
        await self._follow(deal)
        return lead

    async def _deal_of(self, record: CrmRecord) -> UUID | None:
        if (told := record.says("deal")) is not None:
            return UUID(told)
        lead = (await self.batch.tx.leads.known([record.id])).get(record.id)
        return lead.deal_id if lead else None


async def _followed(record: CrmRecord, tx: Tx) -> CrmRecord:
    return replace(await _FOLLOW[record.kind](record, tx=tx), problem=None)


_AS_TOLD: Final = {
    "stage": "stage",
    "standing": "standing",
    "amount": "amount",
    "cost": "cost",
    "discount": "discount",
    "owner_id": "owner",
    "campaign_id": "campaign",
    "origin": "origin",
    "lead_id": "lead",
    "deal_id": "deal",
    "lost_reason": "lost_reason",
    "merged_into": "merged_into",
}


def _told(event: CrmChangeReceived) -> dict[str, str]:
    told = {
        name: str(value)
        for field, name in _AS_TOLD.items()
        if (value := getattr(event, field)) is not None
    }
    if event.currency is not None:
        # What only stands in until the CRM names one may not take the place of what it named.
        told["assumed_currency" if event.currency_assumed else "currency"] = event.currency
    for name in ("created_at", "closed_at"):
        if (at := getattr(event, name)) is not None:
            told[name] = at.isoformat()
    if event.erased:
        told["erased"] = "true"
    if event.deleted is not None:
        told["deleted"] = "true" if event.deleted else "false"
    return told | dict.fromkeys(event.emptied, "")
