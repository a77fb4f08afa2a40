"""House rules with teeth. Each message says why and what to do instead."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 70
BANNED_NAMES = {"helper", "helpers", "util", "utils", "processor", "base", "common", "core", "misc"}


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / line for line in listed.stdout.split() if (ROOT / line).exists()]


SOURCES = [p for p in tracked("*.py") if "tests" not in p.parts and "versions" not in p.parts]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{relative(p)}:{f.lineno} {f.name}"
        for p in SOURCES
        for f in functions(p)
        if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long, (
        f"over {MAX_FUNCTION_LINES} lines; let one function decide and its parts compute: {long}"
    )


def test_no_file_holds_more_than_one_subject() -> None:
    long = [relative(p) for p in SOURCES if len(p.read_text().splitlines()) > MAX_FILE_LINES]
    assert not long, f"over {MAX_FILE_LINES} lines; split by noun: {long}"


def test_no_room_is_called_by_a_word_that_says_nothing() -> None:
    found = [
        relative(p) for p in SOURCES if p.stem in BANNED_NAMES or p.parent.name in BANNED_NAMES
    ]
    assert not found, f"name what is in it: {found}"


@pytest.mark.parametrize(
    ("pattern", "allowed", "why"),
    [
        (
            r"\bdatetime\.(now|utcnow)\(",
            {"clock.py"},
            "time comes in as an argument or from a Clock",
        ),
        (r"\buuid[14]\(", {"ids.py"}, "ids come from onefunnel.ids or as arguments"),
        (r"\bif\b[^\n]*\bprofile\b", set(), "a profile is a module, chosen once (ADR 0005)"),
        (r"^\s*except\s*:", set(), "name the exception and say what is done about it"),
        (r"^\s*print\(", set(), "log events, or click.echo in the command"),
        (
            r"\.commit\(\)",
            set(),
            "only `persistence` commits, by leaving a `begin` block (ADR 0007)",
        ),
        (r"\b(TODO|FIXME|XXX|NotImplementedError)\b", {"values.py"}, "finish it or leave it out"),
        (
            r"\btime\.sleep\(|asyncio\.sleep\((?!0\))",
            {"relay.py", "waiting.py"},
            "wait for a condition",
        ),
    ],
)
def test_house_rule(pattern: str, allowed: set[str], why: str) -> None:
    rule = re.compile(pattern, re.MULTILINE)
    broken = [
        f"{relative(p)}:{text.count(chr(10), 0, m.start()) + 1}"
        for p in SOURCES
        if p.name not in allowed
        for text in [p.read_text()]
        for m in rule.finditer(text)
    ]
    assert not broken, f"{why}: {broken}"


def test_nothing_names_this_machine_or_an_index() -> None:
    words = re.compile(r"--index[-]url|\bfiles[.]pythonhosted\b|/(?:root|work)/")
    names = (
        tracked("*.py")
        + tracked("*.md")
        + tracked("*.lock")
        + tracked("*.toml")
        + tracked("Makefile")
    )
    found = [relative(p) for p in names if p != Path(__file__) and words.search(p.read_text())]
    assert not found, f"a path or a host of one machine is of no use elsewhere: {found}"
