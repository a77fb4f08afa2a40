"""What scoring's routes are made with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from onefunnel.clock import Clock
from onefunnel.http.principal import Principal
from onefunnel.http.reads import Read
from onefunnel.http.writes import Write
from scoring_service.application.ports import TxFactory
from scoring_service.application.queries import ViewsFactory
from scoring_service.domain.parties import Party, person_of


@dataclass(frozen=True, slots=True)
class Wiring:
    """The ports that `main` gives to the routes."""

    write_of: Callable[..., Awaitable[Write]]
    read_of: Callable[..., Awaitable[Read]]
    tx_of: TxFactory
    views_of: ViewsFactory
    clock: Clock


def party_of(principal: Principal) -> Party:
    """Return the caller as the rules know it."""
    return Party(principal.principal_id, principal.role, person_of(principal.person_id))
