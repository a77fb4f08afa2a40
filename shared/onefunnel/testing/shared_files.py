"""Files beside the repository that tests read where they are present: cases and real data sets."""

from pathlib import Path

from onefunnel.testing.needing import missing

_ROOT = Path(__file__).resolve().parents[3]


def shared_path(name: str) -> Path:
    """Return the path of `../shared/<name>`, or skip the test; with REQUIRE_ALL=1 absence fails it."""
    path = _ROOT.parent / "shared" / name
    if not path.exists():
        missing(f"../shared/{name} is not on this machine")
    return path
