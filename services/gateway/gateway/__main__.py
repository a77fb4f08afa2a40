"""`python -m gateway [serve|work|migrate|tenant NAME]`."""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

import orjson

from gateway.domain.roles import ROLES
from gateway.main import provision_tenant
from onefunnel.runtime import Runtime
from onefunnel.service import Tool, run

SETTINGS: Final = ("time_zone", "currency", "fiscal_year_start")


async def make_tenant(runtime: Runtime, given: Sequence[str]) -> int:
    """Make a tenant, or take new settings for one; print the keys that were made, once."""
    asked = _read(given)
    made = await provision_tenant(
        runtime,
        asked.name,
        has=ROLES if asked.keep_keys else (),
        settings={setting: getattr(asked, setting) for setting in SETTINGS},
    )
    sys.stdout.write(orjson.dumps(made.keys, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


def _read(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway tenant")
    parser.add_argument("name")
    parser.add_argument("--currency", default="USD")
    parser.add_argument("--time-zone", default="UTC")
    parser.add_argument("--fiscal-year-start", type=int, choices=range(1, 13), default=1)
    parser.add_argument(
        "--keep-keys", action="store_true", help="else every role's first key is made anew"
    )
    return parser.parse_args(given)


if __name__ == "__main__":
    run("gateway", {"tenant": Tool("web", make_tenant)})
