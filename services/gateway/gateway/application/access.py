"""How a connection's CRM may be asked: what is secret about it is taken once, sealed, and never shown."""

from dataclasses import dataclass, field
from datetime import datetime

from gateway.application.sealing import Seal
from gateway.domain.connection import RECONCILE_MINUTES, Access, Connection, Grant, SealedSecret
from gateway.domain.crm_api.apis import APIS, Addresses
from gateway.domain.crm_api.tokens import TOKENS, Credentials
from onefunnel.errors import invalid
from onefunnel.ids import new_id


@dataclass(frozen=True, slots=True)
class GivenAccess:
    """Access as its owner gives it: a token, or what tokens are got with."""

    token: str | None = field(default=None, repr=False)
    oauth: Credentials | None = None
    url: str | None = None
    reconcile_minutes: int = RECONCILE_MINUTES


def access_of(
    provider: str, given: GivenAccess, *, addresses: Addresses, seal: Seal, now: datetime
) -> Access:
    """Return the access to be kept; an address that is not this CRM's is refused."""
    api = APIS.get(provider)
    if api is None:
        raise invalid("The records of this CRM are not read.", pointer="/api")
    if (given.token is None) == (given.oauth is None):
        raise invalid("Give either a token or what tokens are got with.", pointer="/api")
    url = (given.url or api.url).rstrip("/")
    if not url:
        raise invalid("Each account of this CRM has an address: give it.", pointer="/api/url")
    if (why := addresses.why_not(provider, url)) is not None:
        raise invalid(why, pointer="/api/url")
    token = sealed(given.token, seal, now) if given.token else None
    grant = _grant(provider, given.oauth, seal, now) if given.oauth else None
    return Access(url, token, given.reconcile_minutes, grant)


def _grant(provider: str, given: Credentials, seal: Seal, now: datetime) -> Grant:
    endpoint = TOKENS[provider]
    if given.kind not in endpoint.grants:
        raise invalid(
            "This CRM gives tokens for a refresh token alone.", pointer="/api/oauth/refresh_token"
        )
    if endpoint.directory != bool(given.directory):
        wanted = "Name the directory of the client." if endpoint.directory else "It has none."
        raise invalid(wanted, pointer="/api/oauth/directory")
    return Grant(
        given.client_id,
        sealed(given.client_secret, seal, now),
        sealed(given.refresh_token, seal, now) if given.refresh_token else None,
        given.directory,
    )


def sealed(text: str, seal: Seal, now: datetime, ends: datetime | None = None) -> SealedSecret:
    """Return a secret as it is kept."""
    id_ = new_id()
    return SealedSecret(id_, seal.close(text.encode(), id_), now, ends)


def opened(secret: SealedSecret, seal: Seal) -> str:
    """Return a secret in the clear. Raises `CannotOpen`."""
    return seal.open(secret.sealed, secret.id).decode()


def credentials_of(grant: Grant, seal: Seal) -> Credentials:
    """Return what a token is asked for with, in the clear, for one question. Raises `CannotOpen`."""
    refresh = opened(grant.refresh_token, seal) if grant.refresh_token else None
    return Credentials(grant.client_id, opened(grant.client_secret, seal), refresh, grant.directory)


def token_of(connection: Connection, seal: Seal) -> str:
    """Return the token in the clear, to be put into one question. Raises `CannotOpen`."""
    assert connection.access is not None, "only what has access is asked"
    assert connection.access.token is not None, "a token is got before anything is asked"
    return opened(connection.access.token, seal)
