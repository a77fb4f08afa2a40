"""What a run has done, noted as it goes, so that `make faults` can write it into docs/guarantees.md."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VARIABLE: Final = "ONEFUNNEL_FAULTS_FIGURES"  # a file; without it nothing is noted


def note(**figures: int) -> None:
    """Add to the figures of this run."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a") as file:  # one short line: whole, whoever else appends
            file.write(json.dumps(figures) + "\n")


def read(path: Path) -> Counter[str]:
    """Return the sums of what was noted."""
    sums: Counter[str] = Counter()
    for line in path.read_text().splitlines():
        sums.update(json.loads(line))
    return sums


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Say which seed it was if anything goes wrong."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {seed}: ONEFUNNEL_FAULTS=first_seed={seed} repeats it")
        raise
