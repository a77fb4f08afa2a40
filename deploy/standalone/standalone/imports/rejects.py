"""Rejected rows: all of them in a file, the first twenty on the console."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from standalone.console.failure import Failure
from standalone.console.tables import say
from standalone.imports.checking import Reject

SHOWN: Final = 20
_COLUMNS: Final = ("set", "file", "line", "column", "code", "reason", "row")


class Rejects:
    """Writes rejected rows to a file that exists only if there are any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: list[dict[str, object]] = []
        self._file: TextIO | None = None

    def add(self, reject: Reject) -> None:
        """Keep a row with its place and reason."""
        self.count += 1
        if self._file is None:
            self._file = self._open()
            csv.writer(self._file).writerow(_COLUMNS)
        csv.writer(self._file).writerow(
            (
                reject.set_name,
                reject.file,
                reject.line,
                reject.column,
                reject.code,
                reject.reason,
                _row_text(reject.cells),
            )
        )
        if self.count <= SHOWN:
            self.first.append(_shown(reject))
            say(f"  {reject.file.name}: {_sentence(reject)}")

    def close(self) -> None:
        """Finish the file and say where it is."""
        if self._file is None:
            return
        self._file.close()
        if self.count > SHOWN:
            say(f"  and {self.count - SHOWN:,} more")
        say(f"  rejected rows are in {self.path}")

    def _open(self) -> TextIO:
        try:
            return self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise Failure(
                f"cannot write the rejected rows to {self.path}",
                because=(error.strerror or str(error),),
                help="name another place with --rejects",
                code="cannot-write",
            ) from None


def _sentence(reject: Reject) -> str:
    place = f"row {reject.line}" + (f', column "{reject.column}"' if reject.column else "")
    return f"{place}: {reject.reason}"


def _row_text(cells: Mapping[str, str] | str) -> str:
    return cells if isinstance(cells, str) else json.dumps(dict(cells), ensure_ascii=False)


def _shown(reject: Reject) -> dict[str, object]:
    return {
        "set": reject.set_name,
        "file": str(reject.file),
        "line": reject.line,
        "column": reject.column,
        "code": reject.code,
        "reason": reject.reason,
    }
