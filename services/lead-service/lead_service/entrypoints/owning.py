"""Whose leads and deals a caller sees and may change: the one that a path names, and those of a list."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from lead_service.application.commands.terms import unknown
from lead_service.application.queries import Circles, OwnedKind
from onefunnel.clock import Clock
from onefunnel.errors import DomainError, ErrorKind, not_found
from onefunnel.http.app import Guard
from onefunnel.http.principal import Principal
from onefunnel.reach import ALL, Circle, Owners, forbidden, needs_chart

_KINDS: Final[Mapping[str, OwnedKind]] = {"lead_id": "lead", "deal_id": "deal"}


@dataclass(frozen=True, slots=True)
class Owning:
    """Whose things are there for a caller, and to whose the action is allowed."""

    sees: Owners
    may: Owners

    def check(self, owner: UUID | None, what: str) -> None:
        """Refuse an action on what is `owner`'s; what the caller does not see is not there."""
        if owner in self.may:
            return
        if owner not in self.sees:
            raise not_found(what)
        raise forbidden()

    def check_given(self, owner: UUID | None) -> None:
        """Refuse to make something `owner`'s, or nobody's, to whose things the action is not allowed."""
        if owner not in self.may:
            raise forbidden()


async def owning(principal: Principal, circles: Circles, clock: Clock) -> Owning:
    """Return whose things a caller sees and may change today."""
    rights = principal.rights
    if needs_chart(rights):
        circle = await circles.around(principal.tenant_id, principal.person_id)
    else:
        circle = Circle(principal.person_id, {})
    today = clock.now().date()
    return Owning(circle.owners(rights.sees, today), circle.owners(rights.may, today))


async def check_mentioned(
    principal: Principal, circles: Circles, clock: Clock, kind: OwnedKind, id_: UUID, pointer: str
) -> None:
    """Refuse a body that names something outside the caller's rights; unseen, it does not exist."""
    if principal.rights.may == ALL:
        return
    try:
        whose = await circles.owner(principal.tenant_id, kind, id_)
        (await owning(principal, circles, clock)).check(whose, kind)
    except DomainError as error:
        if error.kind is ErrorKind.NOT_FOUND:
            raise unknown([pointer]) from error
        raise


def guard_of(circles: Circles, clock: Clock) -> Guard:
    """Return what looks, before an owned route runs, at the lead or deal that its path names."""

    async def guard(principal: Principal, parameters: Mapping[str, Any]) -> None:
        if principal.rights.may == ALL:
            return
        ((name, text),) = parameters.items()
        kind, id_ = _KINDS[name], None
        with suppress(ValueError):  # no id is the id of nothing
            id_ = UUID(text)
        if id_ is None:
            raise not_found(kind)
        whose = await circles.owner(principal.tenant_id, kind, id_)
        (await owning(principal, circles, clock)).check(whose, kind)
        if kind == "deal":
            await _check_not_paid(principal, circles, id_)

    return guard


async def _check_not_paid(principal: Principal, circles: Circles, deal_id: UUID) -> None:
    """Refuse what is not allowed to one's own, where the deal is another's and pays the caller as well."""
    me = principal.person_id
    if me is None or "self" in principal.rights.may:
        return
    if await circles.is_credited(principal.tenant_id, deal_id, me):
        raise forbidden()
