"""The stage of the tests of the API: one for each file, since some leave no key as it was."""

from collections.abc import Iterator

import pytest

from onefunnel.testing.postgres import TestServer

from .stage import Stage, stage_on
from .things import Things


@pytest.fixture(scope="module")
def stage(postgres_server: TestServer) -> Iterator[Stage]:
    """Return all services with one tenant."""
    with stage_on(postgres_server) as made:
        yield made


@pytest.fixture(scope="module")
def things(stage: Stage) -> Things:
    """Return what rows mention."""
    return Things(stage)
