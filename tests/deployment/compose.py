"""`docker-compose.yml`, read as Compose reads it, as far as this file goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
PARTS = ("serve", "work", "migrate")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<kind>:[?-])(?P<text>[^}]*)\}")


@dataclass(frozen=True)
class Container:
    """One container of Onefunnel itself: which part of which package, and what it is told."""

    name: str
    package: str
    part: str
    environment: Mapping[str, str]
    waits_for: frozenset[str]


@cache
def document() -> Any:
    """Return the whole file."""
    return yaml.safe_load(FILE.read_text())


def demanded() -> dict[str, str]:
    """Return the variables without which nothing starts, and what is said then."""
    found = [m for m in _VARIABLE.finditer(FILE.read_text()) if m["kind"] == ":?"]
    return {m["name"]: m["text"] for m in found}


def containers(variables: Mapping[str, str]) -> dict[str, Container]:
    """Return Onefunnel's own containers by name, with variables put in as Compose does."""
    return {
        name: Container(
            name,
            *service["command"],
            {k: _filled(v, variables) for k, v in service["environment"].items()},
            frozenset(service.get("depends_on", ())),
        )
        for name, service in document()["services"].items()
        if "onefunnel/" in service["image"]
    }


def _filled(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        given = variables.get(match["name"], "")
        if match["kind"] == ":?":
            assert given, f"{match['name']}: {match['text']}"
        return given or match["text"]

    return _VARIABLE.sub(value, text)
