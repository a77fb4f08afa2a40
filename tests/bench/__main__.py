"""`make bench [ONLY=fold]`: run every part, or the named ones, and print the figures."""

import importlib
import os
import pkgutil
import sys
from types import ModuleType

import uvloop

import tests.bench


def _parts() -> list[ModuleType]:
    """Return the modules with a figure of their own; the others are what these are made of."""
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name]
    names = sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__))
    found = [
        importlib.import_module(f"tests.bench.{name}")
        for name in names
        if name != "__main__" and (not wanted or name in wanted)
    ]
    return [module for module in found if hasattr(module, "run")]


async def main() -> None:
    """Run each bench module's `run() -> str` in turn; a module is one figure with its yardstick."""
    for module in _parts():
        sys.stdout.write(await module.run() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())  # the loop that the services run on
