"""What a machine may lack: the test is skipped and says so, or fails where everything is required."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test; with REQUIRE_ALL=1 fail it."""
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(what)
    pytest.skip(what)
