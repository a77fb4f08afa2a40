"""`make bench [ONLY=fold]`: run every part, or the named ones, and print the figures."""

import asyncio
import importlib
import os
import pkgutil
import sys

import tests.bench

_FRAME = {"__main__", "harness"}


async def main() -> None:
    """Run each bench module's `run() -> str` in turn; a module is one figure with its yardstick."""
    wanted = os.environ.get("ONLY", "").split(",") if os.environ.get("ONLY") else None
    for module in sorted(m.name for m in pkgutil.iter_modules(tests.bench.__path__)):
        if module in _FRAME or (wanted and module not in wanted):
            continue
        sys.stdout.write(await importlib.import_module(f"tests.bench.{module}").run() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
