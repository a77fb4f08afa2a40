"""What host, web and worker agree on: environment names and where migrations are."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

LISTEN: Final = "ONEFUNNEL_LISTEN_FD"
WAKE: Final = "ONEFUNNEL_WAKE_FD"
PARENT: Final = "ONEFUNNEL_PARENT"
DATA: Final = "ONEFUNNEL_DATA"
ERASED: Final = "erased.jsonl"  # in a data directory: who was erased

# Which package's migrations make which database.
MIGRATIONS: Final = {
    "lead": "lead_service",
    "scoring": "scoring_service",
    "content": "content_service",
    "metrics": "metrics_service",
    "gateway": "gateway",
    "eventlog": "onefunnel.log",
}


def migration_folder(package: str) -> Path:
    """Return where a package keeps its migrations, without importing its rooms."""
    found = find_spec(package)
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "migrations" / "versions"


def descriptor(name: str) -> int:
    """Return a file descriptor that the host passed on."""
    return int(os.environ[name])
