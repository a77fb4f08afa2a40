"""`make faults`: the full run, and its figures written into docs/guarantees.md.

`python -m tests.faults [SIZES]` takes the sizes as `tests.faults.sizes` does; `--check` looks at the block only.
Where something failed, nothing is written but to `.faults`: what was done until then, and each failure with its seed.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from onefunnel.clock import SystemClock

from . import ROOT, figures, sizes

KEPT: Final = Path(ROOT) / ".faults"
PYTEST: Final = (sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", "tests/faults")
PAGE: Final = Path(ROOT) / "docs" / "guarantees.md"
BLOCK: Final = re.compile(r"(<!-- faults: begin -->\n)(.*?)(<!-- faults: end -->)", re.DOTALL)
NOT_YET: Final = "No run of `make faults` has been written down yet.\n"
WORDS: Final = {
    "schedules": "simulated schedules of statements and faults",
    "kills": "processes killed with `kill -9` at a named point",
    "worlds": "random companies told while their processes died",
    "database_kills": "times all of PostgreSQL was killed at once",
    "broker_kills": "times Kafka's broker was killed while it was written to",
    "comings_and_goings": "workers that joined the others under load, or were killed there",
    "poisoned": "events that were set aside under load, and redriven or discarded there",
    "zombies": "processes frozen past their lease and woken",
    "cuts_at_commit": "connections cut at `COMMIT`, its outcome unknown",
    "episodes": "episodes of cut, slow and silent connections, full disks, wrong clocks, changed logs",
    "bugs_caught": "planted bugs, each caught",
}


def main() -> int:
    """Run everything and write what was done; return pytest's exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--check"]:
        return 0 if well_formed(PAGE.read_text()) else 1
    KEPT.mkdir(exist_ok=True)
    noted, report = KEPT / "figures", KEPT / "report.xml"
    noted.write_text("")
    told = {sizes.VARIABLE: (arguments or ["full"])[0], figures.VARIABLE: str(noted)}
    began = time.monotonic()
    done = subprocess.run(
        [*PYTEST, f"--junitxml={report}"], cwd=ROOT, env={**os.environ, **told}, check=False
    )
    if done.returncode == 0:
        minutes = round((time.monotonic() - began) / 60)
        write(figures.read(noted), asked=told[sizes.VARIABLE], minutes=minutes)
    else:
        print(f"pytest ended with {done.returncode}, its report is {report}")
        print(f"until then: {dict(figures.read(noted))}")
    return done.returncode


def write(found: Counter[str], *, asked: str, minutes: int) -> None:
    """Rewrite the marked block of the page."""
    day = SystemClock().now().date()
    rows = [f"| {found[name]:,} | {words} |" for name, words in WORDS.items()]
    lines = [
        f"`make faults FAULTS={asked}`, last run on {day}, took {minutes} minutes; nothing was lost or",
        "counted twice.",
        "",
    ]
    lines += ["| how many | what |", "|---:|---|", *rows, ""]
    page = BLOCK.sub(lambda m: m[1] + "\n".join(lines) + m[3], PAGE.read_text())
    PAGE.write_text(page)


def well_formed(page: str) -> bool:
    """Say whether the block is there, once, with a row for everything that is counted, or says that it waits."""
    blocks = BLOCK.findall(page)
    if len(blocks) != 1:
        return False
    _, block, _ = blocks[0]
    return block == NOT_YET or all(f"| {words} |" in block for words in WORDS.values())


if __name__ == "__main__":
    sys.exit(main())
