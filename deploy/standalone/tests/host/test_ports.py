"""A port that is taken is said to be taken, and by whom."""

import os

import pytest

from standalone.console.failure import Failure
from standalone.host.ports import listen


def test_a_taken_port_says_nothing_about_its_holder() -> None:
    with listen(0) as held:
        port = held.getsockname()[1]
        with pytest.raises(Failure) as caught:
            listen(port)
    assert f"process {os.getpid()}" in str(caught.value)
    assert "onefunnel up --port" in str(caught.value)
    assert caught.value.code == "port-in-use"


def test_the_gateway_listens_to_other_machines() -> None:
    with listen(0) as held:
        assert held.getsockname()[0] == "127.0.0.1"
