"""The chapters of docs/connections.md, typed in as they stand: from nothing to a deal in a rep's pay."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)
PAGE = Path(__file__).parents[2] / "docs" / "connections.md"
TOOLS = ("bash", "curl", "jq", "openssl")
WITHIN_S = 240


def chapter(title: str) -> list[tuple[str, str]]:
    """Return the blocks of a chapter: what is typed, and what is said to come out."""
    (text,) = re.findall(rf"^## {title}$(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^```(sh|json|xml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def running(new_module_stack: Any) -> Any:
    return new_module_stack()


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS) and not os.environ.get("REQUIRE_ALL"),
    reason=f"needs {', '.join(TOOLS)}",
)
@pytest.mark.parametrize("crm", ["HubSpot", "Salesforce", "Pipedrive"])
def test_a_crm_is_set_up_as_the_page_says_and_says_what_the_page_says(
    running: Any, crm: str
) -> None:
    blocks = [*chapter("Before you begin"), *chapter(crm), *chapter("See it arrive")]
    script = "set -euo pipefail\n" + "\n".join(text for kind, text in blocks if kind == "sh")
    wanted = "".join(text for kind, text in blocks if kind != "sh")
    done = subprocess.run(
        ["bash"],
        input=script,
        env={**os.environ, "GW": f"http://127.0.0.1:{running.port}", "KEY": running.key()},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == wanted
