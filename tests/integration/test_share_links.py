"""The page docs/share-links.md, typed in as it stands: shared, read by a buyer, withdrawn."""

from typing import Any

import pytest
from tests.integration.typed import chapters, needs_a_shell, typed

pytestmark = pytest.mark.timeout(600)
CHAPTERS = ("Before you begin", "Share", "Read", "Who does not count", "Count", "Withdraw")


@needs_a_shell
def test_content_is_shared_and_read_as_the_page_says(stack: Any) -> None:
    done = typed(chapters("share-links.md", *CHAPTERS), stack)
    assert done.said == done.wanted
