"""Settings of the gateway, read once."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """What the gateway is told beside what its profile is told."""

    model_config = SettingsConfigDict(env_prefix="ONEFUNNEL_", frozen=True, extra="ignore")

    public_url: str = (
        ""  # https://host as CRMs know it: signed by some, so never guessed from a request
    )
    crm_hosts: str = ""  # hosts of CRMs of one's own, by comma; vendors' hosts are known
    webhook_days: int = Field(default=14, ge=1, le=365)  # then a webhook's body is gone for good
    crm_loopback: bool = False  # ask a CRM on this machine: for trying things out alone
    frontends: str = ""  # origins whose pages may use the API with a key, by comma; never "*"
    rate_limit: int = Field(default=60_000, ge=1)  # requests of one principal at once,
    rate_window_s: int = Field(default=60, ge=1)  # refilled over this time
    failure_limit: int = Field(default=20, ge=1)  # wrong keys from one address in a minute
    # Lets webhooks go to servers on this machine, by http too: for tests and trials, never for others.
    outgoing_loopback: bool = False
