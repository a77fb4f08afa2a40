"""DATA/keys.json: the development keys of this machine, for the command. Readable by its owner only."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAME: Final = "keys.json"
Keys = Mapping[str, Mapping[str, str]]  # tenant → role → key


def read_keys(data: Path) -> Keys | None:
    """Return the keys that are kept in a data directory, or None where there are none."""
    try:
        found = json.loads((data / NAME).read_text())
    except (OSError, ValueError):
        return None
    return {str(tenant): dict(roles) for tenant, roles in found.items()}


def keep_keys(data: Path, keys: Keys) -> None:
    """Add keys to the file, whole or not at all."""
    merged = {**{t: dict(r) for t, r in (read_keys(data) or {}).items()}}
    for tenant, roles in keys.items():
        merged.setdefault(tenant, {}).update(roles)
    unfinished = data / f"{NAME}.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(merged, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(data / NAME)


def internal_key(data: Path) -> str:
    """Return the key that the processes of this machine trust each other by; made once."""
    path = data / "internal.key"
    if not path.exists():
        unfinished = data / "internal.key.new"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
        unfinished.replace(path)
    return path.read_text().strip()
