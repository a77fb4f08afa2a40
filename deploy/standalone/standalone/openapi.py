"""`python -m standalone.openapi [--check]`: write the gateway's catalogue out of what the services serve.

The services are built on databases that are never opened: their routes are known without one.
"""

import asyncio
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click
import orjson
from fastapi import FastAPI

from gateway.application.catalogue import merged, operations_of
from gateway.main import own_app
from onefunnel.profiles.embedded import Settings, open_runtime
from onefunnel.runtime import Runtime
from standalone.host.stack import PACKAGES

INFO: Final = {
    "title": "Onefunnel",
    "version": "1",
    "description": "One funnel, one set of numbers, one pay ledger for sales and marketing.",
}
_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


async def catalogue() -> bytes:
    """Return the catalogue as it has to be checked in."""
    runtime = _unopened()
    try:
        others = [package for package in PACKAGES if package != "gateway"]
        apps: list[FastAPI] = [own_app(runtime)]
        apps += [import_module(f"{package}.main").build(runtime).app for package in others]
        documents: list[dict[str, Any]] = [app.openapi() for app in apps]
        document = merged(documents, INFO)
        operations_of(document)  # what the gateway would refuse at start is refused here
        return orjson.dumps(document, option=_OPTIONS)
    finally:
        await runtime.close()


def _unopened() -> Runtime:
    settings = Settings(
        database_url="postgresql://nobody@/?host=/nowhere", internal_key="catalogue"
    )
    return open_runtime(settings, part="web", checks=[], apps={})


def main() -> None:
    """Write the catalogue, or with --check compare it with what is checked in."""
    made = asyncio.run(catalogue())
    path = Path(str(files("gateway").joinpath("openapi.json")))
    if "--check" not in sys.argv[1:]:
        path.write_bytes(made)
    elif path.read_bytes() != made:
        click.echo(f"{path} is out of step with the services; run  make catalogue", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
