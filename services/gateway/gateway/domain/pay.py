"""Pay privacy, first form: reps and marketers see their own pay and nobody else's."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gateway.domain.roles import Role

PAY: Final = frozenset({"statement", "ledger"})
PARAMETER: Final = "payee"

# A manager's view narrows to the people who report to them, as of the day, with the full matrix.
_OWN_ONLY: Final[frozenset[Role]] = frozenset({"rep", "marketer"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller may see of the pay that was asked for."""

    visible: bool
    payee: UUID | None = None  # narrow the question to this payee


def seen_by(role: Role, person_id: UUID | None, resource: str, asked: str | None) -> Seen:
    """Return what the caller may see; `asked` is the `payee` of the question, if it names one.

    A question about somebody else's pay is answered like one about nobody's. A question about pay
    that names no payee is about the caller's own.
    """
    if role not in _OWN_ONLY or (asked is None and resource not in PAY):
        return Seen(visible=True)
    if person_id is None:
        return Seen(visible=False)
    if asked is None:
        return Seen(visible=True, payee=person_id)
    return Seen(visible=asked == str(person_id))
