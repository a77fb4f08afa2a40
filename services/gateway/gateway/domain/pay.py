"""Pay privacy in a question: whose pay it is about, and what it becomes for those who see only their own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from onefunnel.reach import Rights

PAYEE: Final = "payee"
# What is about one person's pay, and the parameter that says whose. `payee` is private wherever it is.
_PRIVATE: Final[Mapping[str, str]] = {
    "statement": PAYEE,
    "ledger": PAYEE,
    "attainment": "person",
    "adjustment": "person",
    "plan": "person",
    "quota": "person",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller may see of the pay that was asked for."""

    visible: bool
    narrow_to: UUID | None = None


def private_parameter(resource: str, parameters: Collection[str]) -> str | None:
    """Return which parameter of an operation says whose pay it shows, None if it shows nobody's."""
    if PAYEE in parameters:
        return PAYEE
    name = _PRIVATE.get(resource)
    return name if name in parameters else None


def seen_by(rights: Rights, person_id: UUID | None, asked: str | None) -> Seen:
    """Return what the caller may see; `asked` is the person of the question, if it names one.

    Who sees nobody's pay but their own need not name themselves, and is told nothing of anybody
    they name. For all others the service that owns the pay decides, day by day.
    """
    if rights.may != {"self"}:
        return Seen(visible=True)
    if asked is None:
        return Seen(visible=True, narrow_to=person_id)
    return Seen(visible=asked == str(person_id))
