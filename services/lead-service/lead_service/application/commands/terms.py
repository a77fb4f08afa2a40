"""What commands have in common: which moment is meant, which thing is meant."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from lead_service.application.ports import Kind, Reference, Tx
from lead_service.domain.values import External, When, check_past, instant_of
from onefunnel.errors import DomainError
from onefunnel.ids import derived_id, new_id


async def moment(when: When | None, *, tx: Tx, pointer: str = "/at") -> datetime:
    """Return the instant meant; nothing said is now, a date is its start in the tenant's zone."""
    if when is None:
        return tx.now
    if not isinstance(when, datetime):
        when = instant_of(when, (await tx.settings.tenant()).zone)
    check_past(when, tx.now, pointer)
    return when


async def beginning(when: When | None, *, tx: Tx, pointer: str) -> datetime | None:
    """Return when something began; in an import nothing said is unknown, never the clock."""
    if when is None and tx.imported:
        return None
    return await moment(when, tx=tx, pointer=pointer)


def identity(external: External | None, kind: Kind, *, tx: Tx) -> UUID:
    """Return the id that follows from the outside name, or a new one."""
    if external is None:
        return new_id()
    return derived_id(tx.tenant_id, external.source, kind, external.id)


def references(*mentions: tuple[Kind, UUID | None, str]) -> list[Reference]:
    """Return those mentions that name something."""
    return [Reference(kind, id_, pointer) for kind, id_, pointer in mentions if id_ is not None]


def taken(what: str) -> DomainError:
    """Return the error for an outside name that was used for something else."""
    return DomainError(
        "conflict",
        f"There is already a {what} with this external id, made from other data; change that one.",
    )


def unknown(pointers: Iterable[str]) -> DomainError:
    """Return the error for a mention of something that does not exist."""
    return DomainError(
        "unknown-reference",
        "What is referred to here does not exist.",
        pointer=next(iter(pointers)),
    )
