"""Pages of docs, typed in as they stand."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

DOCS: Final = Path(__file__).parents[2] / "docs"
TOOLS: Final = ("bash", "curl", "jq", "openssl")
WITHIN_S: Final = 240

needs_a_shell = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS) and not os.environ.get("REQUIRE_ALL"),
    reason=f"needs {', '.join(TOOLS)}",
)


class Typed(NamedTuple):
    """What came out, and what the page says would."""

    said: str
    wanted: str


def chapters(page: str, *titles: str) -> list[tuple[str, str]]:
    """Return the blocks of chapters of a page: what is typed, and what is said to come out."""
    text = (DOCS / page).read_text() + "\n## "
    found: list[tuple[str, str]] = []
    for title in titles:
        (one,) = re.findall(rf"^## {title}$(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
        found += re.findall(r"^```(sh|json|xml)\n(.*?)^```$", one, re.MULTILINE | re.DOTALL)
    return found


def typed(blocks: Sequence[tuple[str, str]], stack: Any) -> Typed:
    """Type in what is to be typed, one after the other, as the owner of a running stack."""
    script = "set -euo pipefail\n" + "\n".join(text for kind, text in blocks if kind == "sh")
    done = subprocess.run(
        ["bash"],
        input=script,
        env={**os.environ, "GW": f"http://127.0.0.1:{stack.port}", "KEY": stack.key()},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Typed(done.stdout, "".join(text for kind, text in blocks if kind != "sh"))
