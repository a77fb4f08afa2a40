"""`python -m gateway [serve|work|migrate]`, or `python -m gateway tenant NAME`."""

import sys
from argparse import ArgumentParser, Namespace
from functools import partial

import orjson

from gateway.main import create_tenant
from onefunnel.runtime import Runtime, ServiceUnreachable
from onefunnel.service import run, run_once


def main() -> None:
    """Run a part of the gateway, or make a tenant and print it with a key of its owner as JSON."""
    if sys.argv[1:2] != ["tenant"]:
        run("gateway")
        return
    parser = ArgumentParser(prog="python -m gateway tenant")
    parser.add_argument("name")
    parser.add_argument("--time-zone", default="UTC")
    parser.add_argument("--currency", default="USD")
    parser.add_argument("--fiscal-year-start", type=int, default=1, choices=range(1, 13))
    run_once("gateway", partial(_tenant, parser.parse_args(sys.argv[2:])))


async def _tenant(given: Namespace, runtime: Runtime) -> None:
    settings = {
        "time_zone": given.time_zone,
        "currency": given.currency,
        "fiscal_year_start": given.fiscal_year_start,
    }
    try:
        tenant_id, key = await create_tenant(runtime, given.name, settings=settings)
    except ServiceUnreachable as error:
        sys.exit(f"no tenant was made ready: lead-service keeps its settings, and {error}")
    sys.stdout.write(orjson.dumps({"tenant_id": str(tenant_id), "key": key}).decode() + "\n")


if __name__ == "__main__":
    main()
