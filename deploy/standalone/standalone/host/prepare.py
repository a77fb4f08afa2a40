"""Roles, databases, migrations, tenants with their settings: run by the host when needed, then gone."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import orjson

from gateway.main import provision_tenant
from onefunnel.profiles import embedded
from onefunnel.profiles.embedded import Settings
from onefunnel.reach import ROLES, Role
from standalone.host.erased import erase_again
from standalone.host.keys import keep_keys, read_keys
from standalone.host.processes import die_with
from standalone.host.stack import PACKAGES, open_stack
from standalone.host.wiring import PARENT


async def prepare(
    data: Path, tenants: Mapping[str, Mapping[str, object]]
) -> dict[str, dict[Role, str]]:
    """Bring everything up to date and return the keys that were made just now."""
    await embedded.migrate(Settings(), PACKAGES)
    made: dict[str, dict[Role, str]] = {}
    async with open_stack("web") as stack:
        await erase_again(stack.runtime, data)
        for tenant, settings in tenants.items():
            kept = (read_keys(data) or {}).get(tenant, {})
            has = [role for role in ROLES if role in kept]
            provisioned = await provision_tenant(stack.runtime, tenant, has=has, settings=settings)
            if provisioned.keys:
                # Kept before they are shown: a key that nobody has is renewed by the next start.
                keep_keys(data, {tenant: {str(r): key for r, key in provisioned.keys.items()}})
                made[tenant] = provisioned.keys
    return made


def main() -> None:
    """Prepare and print the new keys as JSON."""
    die_with(int(os.environ[PARENT]))
    data, tenants = Path(sys.argv[1]), orjson.loads(sys.argv[2])
    click.echo(orjson.dumps(asyncio.run(prepare(data, tenants))).decode())


if __name__ == "__main__":
    main()
