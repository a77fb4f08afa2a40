"""With what rights a request goes on: the one place where the matrix is asked."""

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from gateway.application.catalogue import Match, Operation
from gateway.domain.rights import MATRIX
from gateway.entrypoints.authentication import Caller, Doorkeeper
from onefunnel.http.principal import Principal
from onefunnel.http.problems import Problem
from onefunnel.reach import ALL, Rights
from onefunnel.runtime import Header, ServiceClient, ServiceResponse, ServiceUnreachable

# Relations of a person: a caller who is none stands in none of them.
_PERSONAL: Final = frozenset({"self", "subtree", "team"})


class Refused(Exception):
    """The service that knows whose a thing is said no; its answer is the answer."""

    def __init__(self, answer: ServiceResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Gate:
    """Lets a request through with the rights that its caller has by the matrix, or not at all."""

    def __init__(self, doorkeeper: Doorkeeper, clients: Callable[[str], ServiceClient]) -> None:
        self._doorkeeper = doorkeeper
        self._clients = clients

    async def admitted(
        self, caller: Caller, operation: Operation, match: Match
    ) -> tuple[Rights, Header]:
        """Return the caller's rights in this request, and the header that tells the service of them."""
        rights = rights_in(caller.principal, operation)
        header = self._doorkeeper.speaking(caller, rights)
        if operation.asks is not None and rights.may != ALL:
            await self._asked(operation.asks, match, header)
        return rights, header

    async def _asked(self, owner: str, match: Match, header: Header) -> None:
        """Ask the service that knows whose it is, where the one that is called does not."""
        (kind, id_), *_ = match.parameters.items()
        path = f"/internal/{kind.removesuffix('_id')}s/{quote(id_, safe='')}/rights"
        headers = [(b"host", b"onefunnel"), header]
        try:
            answer = await self._clients(owner).request(
                "GET", path, query="", headers=headers, body=b""
            )
        except ServiceUnreachable as error:
            detail = f"The {owner} service cannot be reached."
            raise Problem("dependency-unavailable", detail) from error
        if answer.status != 204:
            raise Refused(answer)


def rights_in(principal: Principal, operation: Operation) -> Rights:
    """Return what the matrix gives a caller in an operation; raise for those it gives nothing."""
    rights = MATRIX.rights(principal.role, operation.resource, operation.action)
    if not rights.may and not (operation.owned and operation.is_about_one and rights.sees):
        if operation.is_about_one and not rights.sees:
            raise Problem("not-found", "There is no such thing.")
        raise Problem("forbidden", "Your role does not allow this; GET /v1/me says what it does.")
    if principal.person_id is None and rights.sees <= _PERSONAL:
        # About the caller's own key, so it tells nothing about anybody.
        hint = "This key belongs to no person: POST /v1/keys with a person_id makes one that does."
        raise Problem("not-found", hint)
    return rights
