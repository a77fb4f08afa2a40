"""The chapters of docs/connections.md, typed in as they stand: from nothing to a deal in a rep's pay."""

from typing import Any

import pytest
from tests.integration.typed import chapters, needs_a_shell, typed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def running(new_module_stack: Any) -> Any:
    return new_module_stack()


@needs_a_shell
@pytest.mark.parametrize("crm", ["HubSpot", "Salesforce", "Pipedrive"])
def test_a_crm_is_set_up_as_the_page_says_and_says_what_the_page_says(
    running: Any, crm: str
) -> None:
    blocks = chapters("connections.md", "Before you begin", crm, "See it arrive")
    done = typed(blocks, running)
    assert done.said == done.wanted
