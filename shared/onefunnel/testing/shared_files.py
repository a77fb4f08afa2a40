"""Files beside the repository that tests read where they are present: cases and real data sets."""

from pathlib import Path

import pytest

from onefunnel.testing.needing import missing

_SHARED = Path(__file__).resolve().parents[4] / "shared"


def shared_path(name: str) -> Path:
    """Return the path of `../shared/<name>`, or skip the test; with REQUIRE_ALL=1 absence fails it.

    A clone that stands alone has nothing beside it, and no machine can install it: that is never an error.
    """
    path = _SHARED / name
    if not _SHARED.exists():
        pytest.skip("no ../shared beside this clone")
    if not path.exists():
        missing(f"../shared/{name} is not on this machine")
    return path
