"""Clients that generators write from the document alone: built without a warning, and used."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from onefunnel.testing.needing import missing

pytestmark = pytest.mark.timeout(600)

HERE: Final = Path(__file__).parent / "clients"
DOCUMENT: Final = str(files("gateway").joinpath("openapi.json"))
# A field with a default may be left out of a request.
OPTIONAL: Final = "--default-non-nullable=false"
WITHIN_S: Final = 240
SAID: Final = {"lead": True, "listed": 1, "refused": ["/limit"], "role": "marketer"}


@pytest.fixture(scope="module")
def running(new_module_stack: Callable[[], Any]) -> dict[str, str]:
    """Return what a client is told of a running gateway."""
    stack = new_module_stack()
    return {
        "ONEFUNNEL_URL": f"http://127.0.0.1:{stack.port}",
        "ONEFUNNEL_KEY": stack.key("marketer"),
    }


def test_a_typescript_client_is_built_and_used(tmp_path: Path, running: dict[str, str]) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node on this machine: the TypeScript client is built where there is one")
    for name in ("package.json", "package-lock.json", "tsconfig.json", "use.ts"):
        shutil.copy(HERE / name, tmp_path)
    _installed(tmp_path)
    tools = tmp_path / "node_modules" / ".bin"
    generated = _ran(
        [str(tools / "openapi-typescript"), DOCUMENT, "-o", "onefunnel.d.ts", OPTIONAL], tmp_path
    )
    assert "warn" not in generated.lower(), generated
    assert _ran([str(tools / "tsc"), "--strict"], tmp_path) == ""
    assert json.loads(_ran(["node", "built/use.js"], tmp_path, **running)) == SAID


def test_a_python_client_is_built_and_used(tmp_path: Path, running: dict[str, str]) -> None:
    programs = str(Path(sys.executable).parent)
    generated = _ran(
        [
            str(Path(programs) / "openapi-python-client"), "generate", "--path", DOCUMENT,
            "--output-path", "onefunnel_client", "--meta", "none", "--fail-on-warning",
        ],
        tmp_path,
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
    )  # fmt: skip
    assert "warning" not in generated.lower(), generated
    shutil.copy(HERE / "use.py", tmp_path)
    checked = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "use.py"]
    _ran(checked, tmp_path)
    used = _ran([sys.executable, "-W", "error", "use.py"], tmp_path, **running)
    assert used.count("\n") == 1, used
    assert json.loads(used) == SAID


def _installed(folder: Path) -> None:
    """Install exactly what the lock names; none of it runs a script of its own."""
    try:
        _ran(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    except AssertionError as failed:
        missing(f"npm cannot install the generator on this machine: {failed}")


def _ran(command: Sequence[str], folder: Path, **environment: str) -> str:
    """Run a command to its end; return everything it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
