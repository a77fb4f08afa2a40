"""Tenants made by the command."""

from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)


def test_a_new_tenant_has_no_keys_or_sees_another_ones_data(stack: Any) -> None:
    stack.cli("tenant", "create", "second", "--currency", "SEK", "--time-zone", "Europe/Stockholm")
    assert stack.get("/v1/me", tenant="second")["tenant"]["name"] == "second"
    told = stack.get("/v1/tenant", tenant="second")
    assert (told["currency"], told["time_zone"]) == ("SEK", "Europe/Stockholm")
    first = stack.key(tenant="second")
    stack.cli("tenant", "create", "second", "--currency", "SEK", "--time-zone", "Europe/Stockholm")
    assert stack.key(tenant="second") == first
    assert stack.get("/v1/me")["tenant"]["name"] == "main"
