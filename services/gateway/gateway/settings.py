"""Settings of the gateway, read once."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """What the gateway is told beside what its profile is told."""

    model_config = SettingsConfigDict(env_prefix="ONEFUNNEL_", frozen=True, extra="ignore")

    public_url: str = (
        ""  # https://host as CRMs know it: signed by some, so never guessed from a request
    )
    # Lets webhooks go to servers on this machine, by http too: for tests and trials, never for others.
    outgoing_loopback: bool = False
