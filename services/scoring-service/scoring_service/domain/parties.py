"""Who may do what about definitions and ratings, by role, and what each side may see."""

from dataclasses import dataclass
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.events.values import PersonId, Side

_SIDE_OF: dict[str, Side] = {"marketer": "marketing", "rep": "sales", "manager": "sales"}
# The owner of the tenant and its connected systems bring in ratings of either side.
_EITHER_SIDE = frozenset({"admin", "integration"})
_DECIDERS = frozenset({"manager", "executive", "admin"})
_BLIND = frozenset({"marketer", "rep"})


@dataclass(frozen=True, slots=True)
class Party:
    """Who acts: a principal with a role, and the person behind it where there is one."""

    principal_id: str
    role: str
    person_id: PersonId | None

    def signs_for(self) -> Side:
        """Return the side this role signs a definition for."""
        side = _SIDE_OF.get(self.role)
        if side is None:
            raise forbidden("A marketer signs for marketing, a rep or manager for sales.")
        return side

    def check_rates_for(self, side: Side) -> None:
        """Raise `forbidden` unless this role may rate for the side."""
        if self.role not in _EITHER_SIDE and _SIDE_OF.get(self.role) != side:
            raise forbidden("A marketer rates for marketing, a rep or manager for sales.")

    def check_decides(self) -> None:
        """Raise `forbidden` unless this role stands above both sides."""
        if self.role not in _DECIDERS:
            raise forbidden("Only a manager decides between two ratings.")

    def sees(self, side: Side, *, rated: frozenset[Side]) -> bool:
        """Say whether ratings of `side` may be shown, given which sides have rated.

        Who rates does so blind: the other side's rating is shown only after their own is given.
        """
        own = _SIDE_OF.get(self.role)
        return self.role not in _BLIND or own == side or own in rated


def forbidden(detail: str) -> DomainError:
    """Return the error for an action that this role may not take."""
    return DomainError("forbidden", detail, kind=ErrorKind.FORBIDDEN)


def person_of(person_id: UUID | None) -> PersonId | None:
    """Read a credential's person, if it belongs to one."""
    return None if person_id is None else PersonId(person_id)
