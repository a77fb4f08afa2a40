"""Roles, databases, migrations, tenants: run once a release by the host, then gone."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import click
import orjson

from gateway.domain.roles import ROLES, Role
from gateway.main import provision_tenant
from onefunnel.profiles import embedded
from onefunnel.profiles.embedded import Settings
from standalone.host.keys import keep_keys, read_keys
from standalone.host.processes import die_with
from standalone.host.stack import PACKAGES, open_stack
from standalone.host.wiring import PARENT

SETTINGS: Final = {
    "demo": {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1},
    "main": {"time_zone": "UTC", "currency": "USD", "fiscal_year_start": 1},
}


async def prepare(data: Path, tenants: list[str]) -> dict[str, dict[Role, str]]:
    """Bring everything up to date and return the keys that were made just now."""
    await embedded.migrate(Settings(), PACKAGES)
    made: dict[str, dict[Role, str]] = {}
    async with open_stack("web") as stack:
        for tenant in tenants:
            kept = (read_keys(data) or {}).get(tenant, {})
            has = [role for role in ROLES if role in kept]
            provisioned = await provision_tenant(
                stack.runtime, tenant, has=has, settings=SETTINGS.get(tenant, SETTINGS["main"])
            )
            if provisioned.keys:
                # Kept before they are shown: a key that nobody has is renewed by the next start.
                keep_keys(data, {tenant: {str(r): key for r, key in provisioned.keys.items()}})
                made[tenant] = provisioned.keys
    return made


def main() -> None:
    """Prepare and print the new keys as JSON."""
    die_with(int(os.environ[PARENT]))
    data, *tenants = sys.argv[1:]
    click.echo(orjson.dumps(asyncio.run(prepare(Path(data), tenants))).decode())


if __name__ == "__main__":
    main()
