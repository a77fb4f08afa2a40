"""No group of the catalogue is forgotten: rows are cases of it, or tests elsewhere cover it."""

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from .rows import CATALOGUE, group_of, rows

ROOT: Final = Path(__file__).parents[2]
DEVIATIONS: Final = ROOT / "docs" / "bad-input.md"
GROUPS: Final = set(range(1, 167))


def elsewhere() -> Mapping[int, Sequence[str]]:
    """Return the tests that cover groups, by group."""
    found: dict[int, list[str]] = {}
    for page in CATALOGUE.glob("elsewhere*.yaml"):
        for group, tests in yaml.safe_load(page.read_text()).items():
            found.setdefault(group, []).extend(tests)
    return found


@cache
def names_in(path: str) -> set[str]:
    """Return the tests of a file, those of its classes by name alone."""
    body = ast.parse((ROOT / path).read_text()).body
    for node in [one for one in body if isinstance(one, ast.ClassDef)]:
        body += node.body
    found = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in found if name.startswith("test_")}


def test_every_group_has_a_case() -> None:
    named = {group_of(row) for row in rows()} | elsewhere().keys()
    assert named - {None} == GROUPS


def test_a_test_that_stands_for_a_group_exists() -> None:
    named = [test.split("::") for tests in elsewhere().values() for test in tests]
    missing = [(path, name) for path, name in named if name not in names_in(path)]
    assert not missing


def test_rows_have_names_of_their_own() -> None:
    names = [row["name"] for row in rows()]
    assert len(names) == len(set(names))


def test_where_we_answer_otherwise_is_published() -> None:
    published = set(map(int, re.findall(r"^\| (\d+) \|", DEVIATIONS.read_text(), re.MULTILINE)))
    assert {group_of(row) for row in rows() if "why" in row} <= published
