"""Bodies of batches, and how their items are read."""

from hashlib import sha256
from typing import Annotated, Any, Final, get_args
from uuid import UUID

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from lead_service.application.commands.batches import Action, Item, ItemStatus, Reading
from lead_service.application.ports import Kind, Mention
from lead_service.entrypoints.schemas.batch_commands import Command, ConvertLead
from lead_service.entrypoints.schemas.mentions import addresses, mentions
from lead_service.entrypoints.schemas.values import View
from onefunnel.http.bodies import Body, OutsideName
from onefunnel.http.problems import Problem
from onefunnel.http.validation import problem_of

MAX_ITEMS: Final = 500
MAX_COMMANDS: Final = 50


_EXAMPLE: Final = {
    "do": "deal.create",
    "external": {"source": "crm", "id": "D-1"},
    "created_at": "2026-03-01",
    "stage": "discovery",
    "owner": {"source": "crm", "id": "P-7"},
}


class BatchItemIn(Body):
    """One row of the source and its commands, in order."""

    key: OutsideName
    commands: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            max_length=MAX_COMMANDS,
            description="Bodies of the API with `do` and with `external` as their subject: "
            "person.put, account.put, product.put, campaign.put, campaign.spend, lead.capture, "
            "lead.assign, lead.accept, lead.reject, lead.disqualify, lead.convert, touch.record, "
            "deal.create, deal.stage, deal.win, deal.lose. Times come from the row, never from "
            "the clock.",
            examples=[[_EXAMPLE]],
        ),
    ]


class BatchIn(Body):
    """Up to 500 rows of one source; each is wholly in or not at all."""

    source: OutsideName
    items: Annotated[list[BatchItemIn], Field(min_length=1, max_length=MAX_ITEMS)]


class BatchItemOut(View):
    """What became of a row; a rejected one left nothing behind, and `problem` says why."""

    key: str
    status: ItemStatus
    problem: dict[str, Any] | None
    event_ids: list[UUID]


class BatchOut(View):
    """What became of each row, in the order of the request."""

    items: list[BatchItemOut]


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
        command.run,
        tuple(named),
        puts=command.do.endswith(".put"),
        place=f"/commands/{n}",
        addresses=addresses(command),
    )
