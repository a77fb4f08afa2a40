"""Documents that are in step with the tree."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADRS = sorted((ROOT / "docs" / "adr").glob("0*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Enforced by"]


@pytest.mark.parametrize("adr", ADRS, ids=lambda p: p.stem)
def test_a_decision_says_its_context_consequences_and_what_enforces_it(adr: Path) -> None:
    text = adr.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert text.startswith(f"# {adr.name[:4]} · ")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(p.name[:4]) for p in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("service", ["lead", "scoring", "content", "metrics"])
def test_a_service_says_what_it_is_for_and_what_not(service: str) -> None:
    text = (ROOT / "services" / f"{service}-service" / "README.md").read_text().lower()
    for heading in ("purpose", "owns", "publishes", "reacts to", "does not do"):
        assert heading in text


def documents() -> list[Path]:
    return [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "services").glob("*/README.md"),
    ]


@pytest.mark.parametrize("document", documents(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_link_within_the_repository_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!http|#|mailto)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("page", ["privacy.md", "privacy-records.md", "privacy-assessment.md"])
def test_a_proof_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"`([\w/.-]+\.py)(?:::(\w+))?`", (ROOT / "docs" / page).read_text())
    for path, test in named:
        places = [ROOT / path, *ROOT.glob(f"*/{path}"), *ROOT.glob(f"services/*/*/{path}")]
        found = [place for place in places if place.is_file()]
        assert found, path
        assert not test or any(f"def {test}(" in place.read_text() for place in found), test


def test_a_decision_that_code_names_exists() -> None:
    listed = subprocess.run(
        ["git", "grep", "-hoE", r"ADR [0-9]{4}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    missing = set(listed.stdout.split("\n")) - {f"ADR {p.name[:4]}" for p in ADRS} - {""}
    assert not missing
