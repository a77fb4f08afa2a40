"""What clients were told, on disk before they go on: the only truth that the checker believes."""

import os
from collections.abc import Collection
from pathlib import Path


class Notebook:
    """Appended by one producer at a time; a line is there before the next thing happens."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def acknowledged(self, number: int) -> None:
        """Write down that the client was told: it is in."""
        os.write(self._descriptor, f"{number}\n".encode())
        os.fdatasync(self._descriptor)


def acknowledged(path: Path) -> Collection[int]:
    """Return the numbers of everything that clients were told is in."""
    if not path.exists():
        return frozenset()
    return frozenset(int(line) for line in path.read_text().splitlines())
