"""A connection to a CRM: where its webhooks come in, how they are checked and what they mean here."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from onefunnel.errors import conflict

ENDPOINT_BYTES: Final = 24
MAX_LIVE_SECRETS: Final = 2
RECONCILE_MINUTES: Final = 60

RENEW_BEFORE: Final = timedelta(minutes=5)

State = Literal["active", "paused"]
GrantKind = Literal["refresh_token", "client_credentials"]


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is kept: nobody reads it without the key of this installation."""

    id: UUID
    sealed: bytes
    created_at: datetime
    expires_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Say whether the secret is still believed."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Grant:
    """What another access token is got with: a refresh token, or the client's own credentials."""

    client_id: str
    client_secret: SealedSecret
    refresh_token: SealedSecret | None = None
    directory: str = ""  # of Entra, where one vendor keeps its clients

    @property
    def kind(self) -> GrantKind:
        """Return the name that OAuth has for it."""
        return "refresh_token" if self.refresh_token else "client_credentials"


@dataclass(frozen=True, slots=True)
class Access:
    """How the CRM's own records are read: where, with which token, and how often it is compared with us."""

    url: str
    token: SealedSecret | None  # None until the first one was got
    reconcile_minutes: int = RECONCILE_MINUTES
    grant: Grant | None = None
    doubted: bool = False  # the token before this one was refused, and this one not taken yet

    def needs_token(self, now: datetime) -> bool:
        """Say whether another token has to be got before anything is asked."""
        if self.grant is None:
            return False
        return self.token is None or not self.token.is_live(now + RENEW_BEFORE)

    def ending(self, at: datetime) -> "Access":
        """Return it after its token was refused: another one is got from then on."""
        if self.grant is None or self.token is None:
            return self
        ends = min(at, self.token.expires_at or at)
        return replace(self, token=replace(self.token, expires_at=ends), doubted=True)


@dataclass(frozen=True, slots=True)
class Attention:
    """Why somebody has to look after a connection, and since when."""

    code: str
    detail: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Channel:
    """By which the CRM tells of changes, until it ends."""

    id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """One CRM account of one tenant."""

    id: UUID
    tenant_id: UUID
    endpoint_id: str
    provider: str
    name: str
    source: str  # under which the CRM's records are known here
    created_at: datetime
    mapping: Mapping[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict)
    public_url: str = ""
    state: State = "active"
    secrets: tuple[SealedSecret, ...] = ()
    access: Access | None = None
    attention: Attention | None = None
    channel: Channel | None = None
    version: int = 1

    def address(self, public_url: str) -> str:
        """Return where the CRM delivers; without its own word the gateway is at `public_url`."""
        base = (self.public_url or public_url).rstrip("/")
        return f"{base}/v1/webhooks/{self.provider}/{self.endpoint_id}"

    def live_secrets(self, now: datetime) -> tuple[SealedSecret, ...]:
        """Return the secrets that are believed, the newest first."""
        return tuple(secret for secret in self.secrets if secret.is_live(now))

    def paused(self, *, pause: bool) -> "Connection":
        """Return the connection, paused or taking deliveries again."""
        return replace(self, state="paused" if pause else "active")

    def needing(self, code: str, detail: str, now: datetime) -> "Connection":
        """Return the connection in need of attention; since when is kept while the reason is the same."""
        known = self.attention
        since = known.since if known and known.code == code else now
        return replace(self, attention=Attention(code, detail, since))

    def relieved(self, *codes: str) -> "Connection":
        """Return the connection without a reason that is over."""
        over = self.attention is not None and self.attention.code in codes
        return replace(self, attention=None) if over else self

    def rotated(self, new: SealedSecret, *, now: datetime, overlap: timedelta) -> "Connection":
        """Return the connection with a new secret; the one before is believed until the overlap ends."""
        live = self.live_secrets(now)
        if len(live) >= MAX_LIVE_SECRETS and overlap:
            raise conflict("Two secrets are live already; wait for the end of the overlap.")
        ending = tuple(replace(secret, expires_at=now + overlap) for secret in live[:1])
        return replace(self, secrets=(new, *(ending if overlap else ())))


def new_endpoint_id() -> str:
    """Return an endpoint nobody can guess."""
    return secrets.token_urlsafe(ENDPOINT_BYTES)
