"""Alembic, run by the program: every service has `migrations/versions`, none has an `env.py`."""

from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from onefunnel.persistence.urls import APP_ROLE, WORKER_ROLE, sqlalchemy_url

_RIGHTS: Final = "SELECT, INSERT, UPDATE, DELETE"


async def upgrade(url: str, package: str) -> None:
    """Bring a database to the newest revision of `<package>.migrations`, in one transaction.

    Several processes may do it at once: one works, the others wait and find it done.
    """
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('onefunnel.migrations'))")
            )
            await connection.run_sync(_upgrade, package)
    finally:
        await engine.dispose()


def tenant_table_ddl(table: str, schema: str = "public") -> list[str]:
    """Return the statements that keep each tenant's rows of a table to itself, and grant its use.

    Without a tenant set, any use by the app role is an error, never an empty answer.
    """
    name = f"{schema}.{table}"
    condition = "tenant_id = current_setting('app.tenant')::uuid"
    return [
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {name} USING ({condition}) WITH CHECK ({condition})",
        f"GRANT {_RIGHTS} ON {name} TO {APP_ROLE}, {WORKER_ROLE}",
    ]


def worker_table_ddl(table: str, schema: str = "public") -> list[str]:
    """Return the statement that grants a table to the worker role alone."""
    return [f"GRANT {_RIGHTS} ON {schema}.{table} TO {WORKER_ROLE}"]


def _upgrade(connection: Connection, package: str) -> None:
    # Here and not above: eleven megabytes that no process needs but the one that migrates.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _: scripts._upgrade_revs("head", revision),  # noqa: SLF001 - the documented way
    ) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
