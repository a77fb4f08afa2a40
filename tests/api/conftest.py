"""The stage that the tests of the API share: made once, because all of them leave it usable."""

from collections.abc import Iterator

import pytest

from onefunnel.testing.postgres import TestServer

from .stage import Stage, stage_on


@pytest.fixture(scope="session")
def stage(postgres_server: TestServer) -> Iterator[Stage]:
    """Return all services with one tenant."""
    with stage_on(postgres_server) as made:
        yield made
