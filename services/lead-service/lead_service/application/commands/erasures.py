"""Erasing what is known of a person: two people decide, one transaction destroys."""

from dataclasses import dataclass, replace
from uuid import UUID

from lead_service.application.ports import Tx
from lead_service.application.views import SubjectExport
from lead_service.domain.erasure import Erased, Erasure, SubjectKind
from onefunnel.errors import not_found
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class RequestErasure:
    """Ask that what is known of a lead or a person be erased."""

    kind: SubjectKind
    subject_id: UUID
    requester_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ApproveErasure:
    """Carry an erasure out that somebody else asked for."""

    erasure_id: UUID
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """An erasure as it stands, and whether this command moved it."""

    erasure: Erasure
    event_id: UUID | None = None
    created: bool = False
    changed: bool = True


@dataclass(frozen=True, slots=True)
class ExportSubject:
    """Read everything that is known of somebody."""

    kind: SubjectKind
    subject_id: UUID


async def export_subject(command: ExportSubject, *, tx: Tx) -> SubjectExport:
    """Return what is known of somebody; who asked is in the audit."""
    return await tx.exports.of(command.kind, command.subject_id)


async def request_erasure(command: RequestErasure, *, tx: Tx) -> Receipt:
    """Ask for an erasure; asked for before, it is the same one."""
    known = await tx.erasures.of(command.subject_id)
    if known is not None:
        return Receipt(known, changed=False)
    repository = tx.leads if command.kind == "lead" else tx.people
    if await repository.find(command.subject_id) is None:
        raise not_found(command.kind)
    erasure = Erasure(
        new_id(),
        command.kind,
        command.subject_id,
        tx.actor,
        tx.now,
        requester_id=command.requester_id,
    )
    await tx.erasures.add(erasure)
    return Receipt(erasure, created=True)


async def approve_erasure(command: ApproveErasure, *, tx: Tx) -> Receipt:
    """Carry an erasure out: for good, and with everybody who has the same e-mail address.

    Carried out before, it is the same receipt.
    """
    erasure = await tx.erasures.get(command.erasure_id)
    if erasure.erased_at is not None:
        return Receipt(erasure, changed=False)
    done, event = erasure.approve(by=tx.actor, at=tx.now, person_id=command.person_id)
    event_id = await tx.erasures.carry_out(done, event)
    return Receipt(done, event_id)


async def erase_again(erased: Erased, *, tx: Tx) -> bool:
    """Erase somebody whom a restore has brought back; say whether it had to be done.

    Two people decided it then, and their decision stands. Who came after the backup is not there.
    """
    known = await tx.erasures.of(erased.subject_id)
    if known is None:
        repository = tx.leads if erased.kind == "lead" else tx.people
        if await repository.find(erased.subject_id) is None:
            return False
        known = Erasure(new_id(), erased.kind, erased.subject_id, erased.requested_by, tx.now)
        await tx.erasures.add(known)
    if known.erased_at is not None:
        return False
    done, event = replace(known, requested_by=erased.requested_by).approve(
        by=erased.approved_by, at=tx.now
    )
    await tx.erasures.carry_out(done, event)
    return True
