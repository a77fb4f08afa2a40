"""What may be done to keys and tenants."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.application.ports import Keys, Tenants
from gateway.domain.api_key import MAX_AGE, SECRET_BYTES, ApiKey, Environment, hash_of
from onefunnel.errors import invalid, not_found
from onefunnel.ids import new_id
from onefunnel.reach import ROLES, Role


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Make a key with a role, perhaps bound to a person, perhaps for a time."""

    role: Role
    name: str
    person_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A tenant and the text of every key that was made just now: it cannot be shown again."""

    tenant_id: UUID
    keys: dict[Role, str]


async def create_key(
    command: CreateKey, *, tenant_id: UUID, keys: Keys, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which nobody can read again."""
    if command.expires_at and not now < command.expires_at <= now + MAX_AGE:
        raise invalid("must be in the future, at most a year ahead", pointer="/expires_at")
    key, text = _made(command, tenant_id, "live", now)
    await keys.add(key)
    return key, text


async def revoke_key(key_id: UUID, *, keys: Keys, now: datetime) -> ApiKey:
    """Take a key's power away; it stays listed."""
    if (key := await keys.get(key_id)) is None:
        raise not_found("key")
    revoked = key.revoked(now)
    await keys.save(revoked)
    return revoked


async def provision(
    name: str, *, has: Iterable[Role], tenants: Tenants, now: datetime
) -> Provisioned:
    """Make the tenant if it is missing, and a development key for each role that lacks one.

    Running it again with the same roles changes nothing. A new development key replaces the
    earlier one of its role, so a key that was lost before anybody kept it opens nothing.
    """
    tenant_id = await tenants.ensure(name)
    made: dict[Role, str] = {}
    for role in sorted(set(ROLES) - set(has)):
        command = CreateKey(role, f"development key of {role}")
        key, made[role] = _made(command, tenant_id, "dev", now)
        await tenants.renew(key)
    return Provisioned(tenant_id, made)


def _made(
    command: CreateKey, tenant_id: UUID, environment: Environment, now: datetime
) -> tuple[ApiKey, str]:
    secret = secrets.token_hex(SECRET_BYTES)
    key = ApiKey(
        id=new_id(),
        tenant_id=tenant_id,
        environment=environment,
        role=command.role,
        person_id=command.person_id,
        name=command.name,
        secret_hash=hash_of(secret),
        created_at=now,
        expires_at=command.expires_at,
    )
    return key, key.text(secret)
