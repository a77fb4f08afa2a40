"""Which entities a body names, found by walking it: what a batch has to read before it runs."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from lead_service.application.ports import Kind, Mention
from lead_service.entrypoints.schemas.values import ExternalIn, meant

# Everywhere in our bodies a field of this name refers to one of this kind.
_KINDS: Final[dict[str, Kind]] = {
    "owner": "person",
    "person": "person",
    "manager": "person",
    "account": "account",
    "product": "product",
    "campaign": "campaign",
    "lead": "lead",
}


def mentions(body: BaseModel, tenant_id: UUID) -> Iterator[Mention]:
    """Yield every entity that a body refers to."""
    for name in body.model_fields_set:
        yield from _mentions(name, getattr(body, name), tenant_id)


def addresses(body: BaseModel) -> tuple[str, ...]:
    """Return the e-mail address that a body brings, if it does."""
    address = getattr(body, "email", None)
    return (address,) if address else ()


def _mentions(name: str, value: Any, tenant_id: UUID) -> Iterator[Mention]:
    kind = _KINDS.get(name)
    if kind is not None and isinstance(value, UUID | ExternalIn):
        # A lead is locked when a deal is made from it; all else is only looked at.
        yield Mention(kind, meant(value, kind, tenant_id), subject=kind == "lead")
    elif isinstance(value, list):
        for part in value:
            yield from _mentions("", part, tenant_id)
    elif isinstance(value, BaseModel) and not isinstance(value, ExternalIn):
        yield from mentions(value, tenant_id)
