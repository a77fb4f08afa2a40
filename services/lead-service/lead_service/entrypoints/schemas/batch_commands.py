"""The commands of a batch: the API's bodies, their subject named as its source names it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from lead_service.application.commands import closing, deals, directory, leads, touches
from lead_service.application.ports import Kind, Saved, Tx
from lead_service.entrypoints.schemas.deals import DealIn, LoseIn, NewDealIn, StageIn, WinIn
from lead_service.entrypoints.schemas.directory import (
    AccountIn,
    CampaignIn,
    PersonIn,
    ProductIn,
    SpendIn,
)
from lead_service.entrypoints.schemas.leads import (
    AcceptIn,
    AssignIn,
    DisqualifyIn,
    LeadIn,
    RejectIn,
    TouchIn,
)
from lead_service.entrypoints.schemas.values import ExternalIn, Moment
from onefunnel.http.bodies import Body


class PutPerson(PersonIn):
    """Make a person as given."""

    do: Literal["person.put"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await directory.put_person(self.value(tx.tenant_id), tx=tx),)


class PutAccount(AccountIn):
    """Make an account as given."""

    do: Literal["account.put"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await directory.put(self.value(tx.tenant_id), repository=tx.accounts),)


class PutProduct(ProductIn):
    """Make a product as given."""

    do: Literal["product.put"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await directory.put(self.value(tx.tenant_id), repository=tx.products),)


class PutCampaign(CampaignIn):
    """Make a campaign as given."""

    do: Literal["campaign.put"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await directory.put(self.value(tx.tenant_id), repository=tx.campaigns),)


class SpendOnCampaign(SpendIn):
    """Enter money spent."""

    do: Literal["campaign.spend"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        campaign_id = _subject(self.external, "campaign", tx)
        return (await directory.record_spend(self.command(campaign_id), tx=tx))[1:]


class CaptureLead(LeadIn):
    """Log a lead."""

    do: Literal["lead.capture"]
    external: ExternalIn
    qualified_at: Moment | None = None

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await leads.capture_lead(self.command(tx.tenant_id, self.qualified_at), tx=tx),)


class AssignLead(AssignIn):
    """Hand a lead over."""

    do: Literal["lead.assign"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(tx.tenant_id, _subject(self.external, "lead", tx))
        return (await leads.assign_lead(command, tx=tx),)


class AcceptLead(AcceptIn):
    """Take a lead over."""

    do: Literal["lead.accept"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(tx.tenant_id, _subject(self.external, "lead", tx), None)
        return (await leads.accept_lead(command, tx=tx),)


class RejectLead(RejectIn):
    """Refuse a lead."""

    do: Literal["lead.reject"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(tx.tenant_id, _subject(self.external, "lead", tx), None)
        return (await leads.reject_lead(command, tx=tx),)


class DisqualifyLead(DisqualifyIn):
    """Give a lead up."""

    do: Literal["lead.disqualify"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(_subject(self.external, "lead", tx))
        return (await leads.disqualify_lead(command, tx=tx),)


class ConvertedDeal(DealIn):
    """The deal that a lead becomes, named as its source names it."""

    external: ExternalIn


class ConvertLead(Body):
    """Let a lead become a deal."""

    do: Literal["lead.convert"]
    external: ExternalIn
    at: Moment
    deal: ConvertedDeal

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        lead_id = _subject(self.external, "lead", tx)
        command = deals.ConvertLead(lead_id, self.deal.value(tx.tenant_id), self.at)
        return await deals.convert_lead(command, tx=tx)


class RecordTouch(TouchIn):
    """Note a contact."""

    do: Literal["touch.record"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(tx.tenant_id, _subject(self.external, "lead", tx))
        return (await touches.record_touch(command, tx=tx))[1:]


class CreateDeal(NewDealIn):
    """Open a deal."""

    do: Literal["deal.create"]
    external: ExternalIn

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        return (await deals.create_deal(self.command(tx.tenant_id), tx=tx),)


class MoveDeal(StageIn):
    """Move a deal."""

    do: Literal["deal.stage"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(_subject(self.external, "deal", tx))
        return (await deals.move_deal(command, tx=tx),)


class WinDeal(WinIn):
    """Book a deal."""

    do: Literal["deal.win"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(tx.tenant_id, _subject(self.external, "deal", tx))
        return (await closing.win_deal(command, tx=tx),)


class LoseDeal(LoseIn):
    """End a deal without a sale."""

    do: Literal["deal.lose"]
    external: ExternalIn
    at: Moment

    async def run(self, tx: Tx) -> Sequence[Saved[Any]]:
        """Do it."""
        command = self.command(_subject(self.external, "deal", tx))
        return (await closing.lose_deal(command, tx=tx),)


Command = Annotated[
    PutPerson
    | PutAccount
    | PutProduct
    | PutCampaign
    | SpendOnCampaign
    | CaptureLead
    | AssignLead
    | AcceptLead
    | RejectLead
    | DisqualifyLead
    | ConvertLead
    | RecordTouch
    | CreateDeal
    | MoveDeal
    | WinDeal
    | LoseDeal,
    Field(discriminator="do"),
]


def _subject(external: ExternalIn, kind: Kind, tx: Tx) -> UUID:
    return external.id_of(kind, tx.tenant_id)
