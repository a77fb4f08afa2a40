"""Settings of the gateway, read once."""

from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class GatewaySettings(BaseSettings):
    """What the gateway is told beside what its profile is told."""

    model_config = SettingsConfigDict(env_prefix="ONEFUNNEL_", frozen=True, extra="ignore")

    # Tokens of an identity provider are taken where these three are set.
    oidc_issuer: str = ""  # exactly as `iss` has it
    oidc_audience: str = ""  # exactly as `aud` has it
    oidc_jwks_url: str = ""  # https, or http on this very machine
    oidc_tenant_claim: str = "tenant"
    oidc_role_claim: str = "role"
    oidc_person_claim: str = "person"
    oidc_max_life_s: int = 900

    public_url: str = (
        ""  # https://host as CRMs know it: signed by some, so never guessed from a request
    )
    crm_hosts: str = ""  # hosts of CRMs of one's own, by comma; vendors' hosts are known
    webhook_days: int = Field(default=14, ge=1, le=30)  # then a webhook's body is gone for good
    crm_loopback: bool = False  # ask a CRM on this machine: for trying things out alone
    frontends: str = ""  # origins whose pages may use the API with a key, by comma; never "*"
    rate_limit: int = Field(default=60_000, ge=1)  # requests of one principal at once,
    rate_window_s: int = Field(default=60, ge=1)  # refilled over this time
    failure_limit: int = Field(default=20, ge=1)  # wrong keys from one address in a minute
    visit_limit: int = Field(
        default=600, ge=1
    )  # requests of one link, and of one address, a minute
    # Lets webhooks go to servers on this machine, by http too: for tests and trials, never for others.
    outgoing_loopback: bool = False

    @property
    def has_provider(self) -> bool:
        """Say whether tokens are taken."""
        return bool(self.oidc_issuer)

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        """Refuse half a provider, and keys that come over a wire that anybody can write on."""
        named = (self.oidc_issuer, self.oidc_audience, self.oidc_jwks_url)
        if any(named) and not all(named):
            raise ValueError("set oidc_issuer, oidc_audience and oidc_jwks_url, or none of them")
        url = urlsplit(self.oidc_jwks_url)
        if url.scheme not in {"", "https"} and url.hostname not in _THIS_MACHINE:
            raise ValueError("oidc_jwks_url begins with https://")
        return self
