"""Whether the database roles are what row policies rely on. Asked before anything is done under them."""

from typing import Final

import asyncpg

from onefunnel.errors import Refused
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE

_RIGHTS: Final = """
SELECT r.rolbypassrls OR r.rolsuper AS bypasses, EXISTS (
    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public'
        AND pg_has_role(current_user, c.relowner, 'USAGE')
) AS owns
FROM pg_roles r WHERE r.rolname = current_user"""


class WrongRole(Refused):
    """A database role has rights that it must not have, or lacks one that it needs."""


async def check_app_role(url: str) -> None:
    """Raise `WrongRole` unless row policies hold the role.

    An owner is free of policies that are not forced, and may drop any; so the app role owns nothing.
    """
    rights = await _rights(url)
    if rights["bypasses"] or rights["owns"]:
        raise WrongRole(f"{APP_ROLE} bypasses row policies or owns tables: {_place(url)}")


async def check_worker_role(url: str) -> None:
    """Raise `WrongRole` unless the role sees all tenants."""
    if not (await _rights(url))["bypasses"]:
        raise WrongRole(f"{WORKER_ROLE} needs BYPASSRLS: {_place(url)}")


async def check_roles(app_url: str, worker_url: str) -> None:
    """Check both roles of a database."""
    await check_app_role(app_url)
    await check_worker_role(worker_url)


async def _rights(url: str) -> asyncpg.Record:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(_RIGHTS)
        assert row is not None, "current_user is a role"
        return row
    finally:
        await connection.close()


def _place(url: str) -> str:
    """Return a URL without the password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
