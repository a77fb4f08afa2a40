"""Pay privacy, first form: reps and marketers see their own pay and nobody else's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.domain.roles import Role

PAYEE: Final = "payee"
# What is about one person's pay, and the parameter that says whose. `payee` is private wherever it is.
_PRIVATE: Final[Mapping[str, str]] = {
    "statement": PAYEE,
    "ledger": PAYEE,
    "plan": "person",
    "quota": "person",
}
# A manager's view narrows to the people who report to them, as of the day, with the full matrix.
_OWN_ONLY: Final[frozenset[Role]] = frozenset({"rep", "marketer"})


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


def seen_by(role: Role, person_id: UUID | None, asked: str | None) -> Seen:
    """Return what the caller may see; `asked` is the person of the question, if it names one.

    A question about somebody else's pay is answered like one about nobody's. A question about pay
    that names nobody is about the caller's own.
    """
    if role not in _OWN_ONLY:
        return Seen(visible=True)
    if person_id is None:
        return Seen(visible=False)
    if asked is None:
        return Seen(visible=True, narrow_to=person_id)
    return Seen(visible=asked == str(person_id))
