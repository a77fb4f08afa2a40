"""How the command behaves: quick to help, clear in error, data on stdout, talk on stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from standalone.cli import run

HEAVY = ("fastapi", "starlette", "sqlalchemy", "pydantic", "asyncpg", "alembic", "uvicorn", "yaml")
LOADED = "import sys; print(sorted({name.partition('.')[0] for name in sys.modules} & set(%r)))"


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "standalone", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["import", "--help"], ["version"], ["completion", "bash"]]
)
def test_help_loads_what_it_does_not_need(arguments: list[str]) -> None:
    script = f"from standalone.cli import run; run({arguments!r}); {LOADED % (HEAVY,)}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_completing_loads_what_it_does_not_need_or_finds_nothing() -> None:
    script = (
        "import atexit; atexit.register(lambda: exec(%r)); from standalone.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script % (LOADED % (HEAVY,))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "_ONEFUNNEL_COMPLETE": "bash_complete", "COMP_WORDS": "onefunnel sta", "COMP_CWORD": "1"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[:2] == ["plain,statement", "plain,status"]
    assert lines[-1] == "[]"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_no_completion(shell: str) -> None:
    assert "_ONEFUNNEL_COMPLETE" in command("completion", shell).stdout


ERRORS = {
    "an unknown command": (
        ["statuss"],
        2,
        """\
error: onefunnel has no command statuss
  help: did you mean  onefunnel status ?
  code: no-such-command
""",
    ),
    "an unknown command of a group": (
        ["dead-letters", "redrve", "7"],
        2,
        """\
error: dead-letters has no command redrve
  help: did you mean  onefunnel dead-letters redrive ?
  code: no-such-command
""",
    ),
    "an unknown option": (
        ["status", "--jsn"],
        2,
        """\
error: No such option '--jsn'. Did you mean '--json'?
  help: onefunnel status --help  shows what it takes
  code: usage
""",
    ),
    "a missing option": (
        ["statement", "--period", "2026-Q1"],
        2,
        """\
error: Missing option '--payee'
  help: onefunnel statement --help  shows what it takes
  code: usage
""",
    ),
    "no key": (
        ["status", "--data", "nowhere"],
        4,
        """\
error: there is no key to show to the gateway
  because neither --key nor ONEFUNNEL_KEY is set, and nowhere has no keys.json
  help: name the directory of  onefunnel up  with --data, or give --key
  code: no-key
""",
    ),
    "nobody there": (
        ["status", "--key", "k", "--url", "http://127.0.0.1:9"],
        3,
        """\
error: no gateway answers at http://127.0.0.1:9
  because [Errno 111] Connection refused
  help: start one with  onefunnel up  or name another with  --url
  code: gateway-unreachable
""",
    ),
    "a question where nobody can answer": (
        ["period", "close", "2026-03"],
        2,
        """\
error: closing cannot be undone; say --yes
  help: onefunnel period close --help  shows what it takes
  code: usage
""",
    ),
    "nothing to back up": (
        ["backup", "file.onefunnel", "--data", "nowhere"],
        2,
        """\
error: nowhere holds no data
  help: name the directory of  onefunnel up  with --data
  code: no-data
""",
    ),
    "no backup": (
        ["restore", "missing.onefunnel", "--data", "nowhere"],
        1,
        """\
error: this file cannot be restored
  because No such file or directory
  help: give a file that  onefunnel backup  made; a newer one needs a newer release
  code: not-a-backup
""",
    ),
    "no mapping": (
        ["import", "--mapping", "missing.yaml", "missing.csv"],
        2,
        """\
error: cannot read the mapping missing.yaml
  because No such file or directory
  help: docs/examples/mappings holds working ones
  code: bad-mapping
""",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_has_no_cause_no_help_or_no_code(name: str) -> None:
    arguments, exit_code, text = ERRORS[name]
    done = command(*arguments)
    assert (done.returncode, done.stderr, done.stdout) == (exit_code, text, "")


def test_a_stack_trace_is_shown_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("importlib.metadata.version", broken)
    assert run(["version"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ZeroDivisionError: oops" in said
    assert "--debug" in said
    with pytest.raises(ZeroDivisionError):
        run(["--debug", "version"])


def test_colour_comes_where_nobody_wants_it() -> None:
    assert "\x1b[" not in command("--help", NO_COLOR="1").stdout


def test_json_is_no_json() -> None:
    assert set(json.loads(command("version", "--json").stdout)) == {"onefunnel", "python", "system"}


def test_a_reader_that_stops_reading_is_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m standalone --help | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr == ""
