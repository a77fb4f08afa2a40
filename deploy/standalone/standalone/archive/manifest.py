"""What is in a backup, so that a restore knows what it has before it does anything."""

import json
from dataclasses import asdict, dataclass
from typing import Final

from standalone.console.failure import Failure

NAME: Final = "manifest.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which release made it, on which PostgreSQL, when, and the parts."""

    onefunnel: str
    postgres: int
    made_at: str
    databases: tuple[Part, ...]
    format: int = FORMAT

    def text(self) -> str:
        """Return the manifest as it is written."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_manifest(raw: bytes) -> Manifest:
    """Return the manifest in a file, or say that the file is no backup."""
    try:
        found = json.loads(raw)
        parts = tuple(Part(**part) for part in found.pop("databases"))
        manifest = Manifest(databases=parts, **found)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise not_a_backup("its manifest cannot be read") from None
    if manifest.format != FORMAT:
        raise not_a_backup(f"it is of format {manifest.format} and this release reads {FORMAT}")
    return manifest


def not_a_backup(cause: str) -> Failure:
    """Return the failure for a file that cannot be restored."""
    return Failure(
        "this file cannot be restored",
        because=(cause,),
        help="give a file that  onefunnel backup  made; a newer one needs a newer release",
        code="not-a-backup",
    )
