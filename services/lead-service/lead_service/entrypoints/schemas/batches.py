"""Bodies of batches: the API's bodies as commands, their subject named as its source names it."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from lead_service.application.commands import closing, deals, directory, leads, touches
from lead_service.application.commands.batches import Action, Item, Reading
from lead_service.application.ports import Kind, Mention, Saved, Tx
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
from lead_service.entrypoints.schemas.mentions import mentions
from lead_service.entrypoints.schemas.values import ExternalIn, Moment, OutsideName
from onefunnel.http.bodies import Body
from onefunnel.http.problems import Problem
from onefunnel.http.validation import problem_of

MAX_ITEMS: Final = 500
MAX_COMMANDS: Final = 50


class BatchItemIn(Body):
    """One row of the source and its commands, in order."""

    key: OutsideName
    commands: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_COMMANDS)]


class BatchIn(Body):
    """Up to 500 rows of one source; each is wholly in or not at all."""

    source: OutsideName
    items: Annotated[list[BatchItemIn], Field(min_length=1, max_length=MAX_ITEMS)]


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
_COMMANDS: Final[TypeAdapter[list[Any]]] = TypeAdapter(list[Command])
_KNOWN: Final = ", ".join(
    get_args(c.model_fields["do"].annotation)[0] for c in get_args(get_args(Command)[0])
)
_SUBJECTS: Final[dict[str, Kind]] = {
    "person": "person",
    "account": "account",
    "product": "product",
    "campaign": "campaign",
    "lead": "lead",
    "touch": "lead",
    "deal": "deal",
}


def read_item(item: BatchItemIn, tenant_id: UUID) -> Item:
    """Return the item with its fingerprint; its commands are read when they are needed."""
    try:
        canonical = orjson.dumps(item.commands, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        refused = Reading(refused=Problem("validation-failed", "A number is beyond 64 bits."))
        return Item(item.key, b"", lambda: refused)
    return Item(item.key, sha256(canonical).digest(), lambda: _reading(canonical, tenant_id))


def _reading(canonical: bytes, tenant_id: UUID) -> Reading:
    """Read the commands; what cannot be read is refused for itself, not for the batch."""
    try:
        commands = _COMMANDS.validate_json(canonical)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return Reading(refused=problem_of([_placed(one) for one in found]))
    return Reading(tuple(_action(n, command, tenant_id) for n, command in enumerate(commands)))


def _placed(error: Any) -> dict[str, Any]:
    """Say where in the item it is: after the number of the command comes the name of its kind."""
    n, *rest = error["loc"]
    if error["type"] == "union_tag_invalid":  # pydantic's own words would repeat what was sent
        return {**error, "loc": ("commands", n, "do"), "msg": f"must be one of {_KNOWN}"}
    return {**error, "loc": ("commands", n, *rest[1:])}


def _action(n: int, command: Any, tenant_id: UUID) -> Action:
    kind = _SUBJECTS[command.do.partition(".")[0]]
    subject = Mention(kind, command.external.id_of(kind, tenant_id), subject=True)
    named = [subject, *mentions(command, tenant_id)]
    if isinstance(command, ConvertLead):
        deal_id = command.deal.external.id_of("deal", tenant_id)
        named.append(Mention("deal", deal_id, subject=True))
    return Action(
        command.run, tuple(named), puts=command.do.endswith(".put"), place=f"/commands/{n}"
    )


def _subject(external: ExternalIn, kind: Kind, tx: Tx) -> UUID:
    return external.id_of(kind, tx.tenant_id)
