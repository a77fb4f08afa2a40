"""How a connection's CRM may be asked: its token is taken once, sealed, and never shown."""

from dataclasses import dataclass
from datetime import datetime

from gateway.application.sealing import Seal
from gateway.domain.connection import RECONCILE_MINUTES, Access, Connection, SealedSecret
from gateway.domain.crm_api.apis import APIS, Addresses
from onefunnel.errors import invalid
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class GivenAccess:
    """Access as its owner gives it."""

    token: str
    url: str | None = None
    reconcile_minutes: int = RECONCILE_MINUTES


def access_of(
    provider: str, given: GivenAccess, *, addresses: Addresses, seal: Seal, now: datetime
) -> Access:
    """Return the access to be kept; an address that is not this CRM's is refused."""
    api = APIS.get(provider)
    if api is None:
        raise invalid("The records of this CRM are not read.", pointer="/api")
    url = (given.url or api.url).rstrip("/")
    if not url:
        raise invalid("Each account of this CRM has an address: give it.", pointer="/api/url")
    if (why := addresses.why_not(provider, url)) is not None:
        raise invalid(why, pointer="/api/url")
    id_ = new_id()
    token = SealedSecret(id_, seal.close(given.token.encode(), id_), now)
    return Access(url, token, given.reconcile_minutes)


def token_of(connection: Connection, seal: Seal) -> str:
    """Return the token in the clear, to be put into one question."""
    assert connection.access is not None, "only what has access is asked"
    token = connection.access.token
    return seal.open(token.sealed, token.id).decode()
