"""Routes that take many things at once."""

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from lead_service.application.commands.batches import (
    Action,
    ItemResult,
    Reading,
    import_items,
    run_all,
)
from lead_service.application.commands.leads import capture_lead
from lead_service.application.ports import Mention, Saved, Tx
from lead_service.entrypoints.owning import Owning
from lead_service.entrypoints.schemas.batches import BatchIn, BatchOut, read_item
from lead_service.entrypoints.schemas.lead_answers import LeadsOut
from lead_service.entrypoints.schemas.leads import LeadIn, LeadsIn
from lead_service.entrypoints.schemas.mentions import addresses, mentions
from lead_service.entrypoints.wiring import Asked, Asking
from onefunnel.errors import DomainError
from onefunnel.http.incoming import MAX_BATCH_BYTES
from onefunnel.http.problems import Problem, body_of
from onefunnel.http.routing import declared, routes
from onefunnel.http.validation import problem_of
from onefunnel.http.writes import Answer

router = routes("batches")

_LEAD: TypeAdapter[LeadIn] = TypeAdapter(LeadIn)


@router.post(
    "/v1/batches",
    response_model=BatchOut,
    openapi_extra=declared("batch", "create", max_body_bytes=MAX_BATCH_BYTES),
)
async def create_batch(body: BatchIn, asked: Asking) -> Response:
    """Import up to 500 rows. Each is wholly in or not; the same row again changes nothing."""
    items = [read_item(item, asked.tenant_id) for item in body.items]

    async def work(conn: Any, metadata: Any) -> Answer:
        batch = asked.wiring.batch(conn, metadata, imported=True)
        return _answer(await import_items(body.source, items, batch=batch))

    return await asked.write(work)


def _answer(results: Sequence[ItemResult]) -> Answer:
    events = [event_id for result in results for event_id in result.event_ids]
    body = {"items": [_shown(result) for result in results]}
    changed = any(result.status in {"created", "updated"} for result in results)
    return Answer(body, event_id=events[-1] if events else None, changed=changed)


def _shown(result: ItemResult) -> dict[str, object]:
    return {
        "key": result.key,
        "status": result.status,
        "problem": _problem(result.problem),
        "event_ids": result.event_ids,
    }


def _problem(error: Exception | None) -> dict[str, object] | None:
    if error is None:
        return None
    assert isinstance(error, Problem | DomainError), "only what a user can cause refuses an item"
    return body_of(error)


@router.post(
    "/v1/leads/batch",
    response_model=LeadsOut,
    openapi_extra=declared("lead", "create", max_body_bytes=MAX_BATCH_BYTES, owned=True),
)
async def create_leads(body: LeadsIn, asked: Asking) -> Response:
    """Log up to 500 leads; each is taken or refused for itself."""
    owning = await asked.owning()
    readings = [_reading(raw, asked, owning) for raw in body.items]

    async def work(conn: Any, metadata: Any) -> Answer:
        batch = asked.wiring.batch(conn, metadata, imported=False)
        return _leads_answer(await run_all(readings, batch=batch))

    return await asked.write(work)


def _reading(item: LeadIn | dict[str, Any], asked: Asked, owning: Owning) -> Reading:
    if isinstance(item, LeadIn):
        return Reading((_capture(item, asked, owning),))
    try:
        return Reading((_capture(_LEAD.validate_json(orjson.dumps(item)), asked, owning),))
    except TypeError:
        return Reading(refused=Problem("validation-failed", "A number is beyond 64 bits."))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return Reading(refused=problem_of(found))


def _capture(lead: LeadIn, asked: Asked, owning: Owning) -> Action:
    command = lead.command(asked.tenant_id)

    async def run(tx: Tx) -> Sequence[Saved[Any]]:
        owning.check_given(command.owner_id)
        return (await capture_lead(command, tx=tx),)

    named = list(mentions(lead, asked.tenant_id))
    if lead.external is not None:
        named.append(Mention("lead", lead.external.id_of("lead", asked.tenant_id), subject=True))
    return Action(run, tuple(named), addresses=addresses(lead))


def _leads_answer(results: Sequence[ItemResult]) -> Answer:
    events = [event_id for result in results for event_id in result.event_ids]
    items = [
        {
            "index": n,
            "status": result.status,
            "id": result.saved[0].id if result.saved else None,
            "event_id": result.event_ids[-1] if result.event_ids else None,
            "problem": _problem(result.problem),
        }
        for n, result in enumerate(results)
    ]
    return Answer({"items": items}, event_id=events[-1] if events else None)
