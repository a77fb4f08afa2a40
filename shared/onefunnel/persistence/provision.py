"""Roles and databases, created once by the server's owner."""

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from onefunnel.persistence.database import DriverConnection
from onefunnel.persistence.majors import FIRST_WITH_BUILTIN_LOCALE
from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, url_of

_ROLES: Final = ((APP_ROLE, "LOGIN NOBYPASSRLS"), (WORKER_ROLE, "LOGIN BYPASSRLS"))
# The server quotes it: a statement about roles takes no parameters.
_SET_PASSWORD: Final = "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)"  # noqa: S105 - it holds none
NO_PASSWORDS: Final[Mapping[str, str]] = {}


async def provision(
    server_url: str, databases: Sequence[str], passwords: Mapping[str, str] = NO_PASSWORDS
) -> None:
    """Create the two roles and the databases that are missing; what exists is left as it is.

    Roles in `passwords` get theirs, whether they are new or not. Several processes may do it at once:
    one works, the others wait and find it done.
    """
    connection = await asyncpg.connect(url_of(server_url, "postgres"))
    try:
        await connection.execute("SELECT pg_advisory_lock(hashtext('onefunnel.provision'))")
        await _create_roles(connection)
        for role, password in passwords.items():
            await connection.execute(await connection.fetchval(_SET_PASSWORD, role, password))
        for database in databases:
            await _create_database(connection, database)
    finally:
        await connection.close()


async def _create_roles(connection: DriverConnection) -> None:
    for role, attributes in _ROLES:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} {attributes}")


async def _create_database(connection: DriverConnection, name: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        # One order of text on every machine: cursors, sorts and digests must agree everywhere.
        builtin = connection.get_server_version().major >= FIRST_WITH_BUILTIN_LOCALE
        locale = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
        await connection.execute(
            f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' "
            + (locale if builtin else "LOCALE 'C'")
        )
    # A rebuild makes its generation in a schema of its own.
    await connection.execute(f'GRANT CREATE ON DATABASE "{name}" TO {WORKER_ROLE}')
