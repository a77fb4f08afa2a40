"""Runbooks that lead somewhere: what they name is there."""

import re
from pathlib import Path

import click
import pytest

from standalone.commands import VERBS
from standalone.console.verbs import Verbs
from tests.deployment.compose import ROOT, document

RUNBOOKS = sorted(p for p in (ROOT / "docs" / "runbooks").glob("*.md") if p.name != "README.md")
DOCUMENTS = [*RUNBOOKS, ROOT / "docs" / "deployment.md", ROOT / "docs" / "runbooks" / "README.md"]


def commands(path: Path) -> list[str]:
    """Return what is typed in a document, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    return re.findall(r"^\$ (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda p: str(p.stem))
def test_a_runbook_says_what_to_do_and_when_it_is_over(runbook: Path) -> None:
    headings = re.findall(r"^## (.+)$", runbook.read_text(), re.MULTILINE)
    assert "What it means" in headings
    assert [h for h in headings if h.startswith("What to do")]
    assert "How you know it is over" in headings
    assert commands(runbook)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda p: str(p.stem))
def test_a_runbook_is_in_the_table(runbook: Path) -> None:
    assert f"]({runbook.name})" in (runbook.parent / "README.md").read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.stem))
def test_a_command_that_is_shown_exists_with_its_options(path: Path) -> None:
    verbs = {str(verb.name): verb for verb in VERBS}
    for line in commands(path):
        if not line.startswith("onefunnel "):
            continue
        words = line.split("|")[0].split()[1:]
        command: click.Command = verbs[words[0]]
        if isinstance(command, Verbs):
            command = command.commands[words[1]]
        known = {option for p in command.params for option in p.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= known, f"{line}: {used - known}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.stem))
def test_a_container_that_is_named_is_in_the_compose_file(path: Path) -> None:
    services = set(document()["services"])
    for line in commands(path):
        named = re.match(r"docker compose (?:stop|exec|up|logs|run)(?P<rest>.*)", line)
        if named is None:
            continue
        words = [
            w for w in named["rest"].split("#")[0].split() if not w.startswith("-") and "=" not in w
        ]
        containers = words[:1] if re.search(r" (exec|run) ", line) else words
        assert set(containers) <= services, line
