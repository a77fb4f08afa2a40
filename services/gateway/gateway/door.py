"""Who stands at the door: how callers become known in this installation."""

from typing import Final

from gateway.adapters.repositories import DatabaseKeyStore
from gateway.adapters.users import DatabaseUserStore
from gateway.domain.token import TokenRules
from gateway.entrypoints.authentication import Doorkeeper, Provider
from gateway.settings import GatewaySettings
from onefunnel.clock import Clock
from onefunnel.persistence.database import Database
from onefunnel.runtime import Runtime

NAME: Final = "gateway"
SYSTEM: Final = "system:gateway"


def doorkeeper_of(runtime: Runtime) -> Doorkeeper:
    """Return what turns credentials into callers."""
    database = runtime.database(NAME)
    provider = _provider(database, runtime.clock, GatewaySettings())
    return Doorkeeper(DatabaseKeyStore(database), runtime.clock, runtime.internal_key, provider)


def _provider(database: Database, clock: Clock, settings: GatewaySettings) -> Provider | None:
    """Return the identity provider of this installation; its libraries are loaded only where there is one."""
    if not settings.has_provider:
        return None
    from gateway.adapters.jwks import ProviderKeys
    from gateway.adapters.tokens import TokenVerifier

    rules = TokenRules(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        max_life_s=settings.oidc_max_life_s,
        tenant_claim=settings.oidc_tenant_claim,
        role_claim=settings.oidc_role_claim,
        person_claim=settings.oidc_person_claim,
    )
    tokens = TokenVerifier(ProviderKeys(settings.oidc_jwks_url), rules, clock)
    return Provider(tokens, DatabaseUserStore(database))
