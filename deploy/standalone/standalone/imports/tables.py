"""Reading a table row by row: CSV or JSON lines, in bounded memory, with the line of every row."""

import codecs
import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from standalone.console.failure import USAGE, Failure

MAX_FILE_BYTES: Final = 2 * 1024**3
MAX_LINE_BYTES: Final = 1024**2
MAX_COLUMNS: Final = 1_000
_DELIMITERS: Final = (",", ";", "\t", "|")
_OTHER_ENCODINGS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins on and its cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read; the rows after it could."""

    line: int
    reason: str
    text: str = ""


class _Unreadable(Exception):
    """A line that cannot be read; reading cannot go on after it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Table:
    """A file of rows. `columns` is None for JSON lines, where each row brings its own."""

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        self.path = path
        self.size = _size(path)
        self._json = path.suffix.lower() in {".jsonl", ".ndjson"}
        self.columns: tuple[str, ...] | None = None
        self._delimiter = delimiter or ","
        if not self._json:
            self._delimiter, self.columns = _header(path, delimiter)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield the rows in the order of the file, each with the line it begins on."""
        with self.path.open("rb") as file:
            try:
                if self._json:
                    yield from _json_rows(file)
                else:
                    yield from _csv_rows(file, self._delimiter, self.columns or ())
            except _Unreadable as unreadable:
                raise _failure(self.path, unreadable) from None


def _failure(path: Path, unreadable: _Unreadable) -> Failure:
    return Failure(
        f"cannot read {path}",
        because=(f"line {unreadable.line}: {unreadable.reason}",),
        help="repair the file at this line; nothing was written",
        code="unreadable-file",
    )


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise Failure(
            f"cannot read {path}",
            because=(error.strerror or str(error),),
            help="check the path",
            code="no-such-file",
            exit_code=USAGE,
        ) from None
    if size == 0:
        raise Failure(f"{path} is empty", help="it needs a header line", code="empty-file")
    if size > MAX_FILE_BYTES:
        raise Failure(
            f"{path} is too large",
            because=(f"it has {size:,} bytes and the limit is {MAX_FILE_BYTES:,}",),
            help="split it; importing the parts one after another gives the same result",
            code="file-too-large",
        )
    if start.startswith(_OTHER_ENCODINGS) or b"\0" in start:
        raise Failure(
            f"{path} is not UTF-8",
            because=("it looks like UTF-16, which spreadsheets call Unicode text",),
            help=f"iconv -f UTF-16 -t UTF-8 {path} > utf8.csv",
            code="not-utf8",
        )
    return size


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield decoded lines with their ends, refusing what is no text or longer than the limit."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise _Unreadable(number, f"longer than {MAX_LINE_BYTES:,} bytes")
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            raise _Unreadable(number, f"byte {error.start + 1} is not UTF-8") from None
        if "\0" in line:
            raise _Unreadable(number, "it holds a zero byte")
        yield line


def _header(path: Path, delimiter: str | None) -> tuple[str, tuple[str, ...]]:
    with path.open("rb") as file:
        try:
            first = next(_lines(file), "")
            used = delimiter or _sniff(first)
            cells = next(csv.reader([first], delimiter=used, strict=True), [])
        except csv.Error as error:
            raise _failure(path, _Unreadable(1, str(error))) from None
        except _Unreadable as unreadable:
            raise _failure(path, unreadable) from None
    columns = tuple(cell.strip() for cell in cells)
    _check_header(path, columns)
    return used, columns


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    problem = None
    if not any(columns):
        problem = "line 1 names no column"
    elif len(columns) > MAX_COLUMNS:
        problem = f"line 1 names {len(columns):,} columns and the limit is {MAX_COLUMNS:,}"
    elif double := sorted({name for name in columns if name and columns.count(name) > 1}):
        problem = f"line 1 names a column twice: {', '.join(double)}"
    if problem:
        raise Failure(
            f"cannot read {path}",
            because=(problem,),
            help="the first line must name the columns, each once",
            code="bad-header",
        )


def _sniff(header: str) -> str:
    """Return the delimiter that the header holds most often outside quotes."""
    counts = {mark: "".join(header.split('"')[::2]).count(mark) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _csv_rows(file: BinaryIO, delimiter: str, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    next(reader)
    width = len(columns)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _Unreadable(line, f"{error} (a quotation mark that is not closed?)") from None
        if cells is None:
            return
        if len(cells) == width:
            yield Row(line, dict(zip(columns, cells, strict=True)))
        elif cells:
            cause = f"it has {len(cells)} cells and the header names {width}"
            yield BadRow(line, cause, delimiter.join(cells))


def _json_rows(file: BinaryIO) -> Iterator[Row | BadRow]:
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_float=str, parse_int=str, object_pairs_hook=_once)
        except ValueError as error:
            yield BadRow(number, f"it is not JSON: {error}", line.rstrip("\n"))
            continue
        except RecursionError:
            yield BadRow(number, "it is nested too deeply")
            continue
        if not isinstance(value, dict):
            yield BadRow(number, "it is not a JSON object", line.rstrip("\n"))
        elif nested := [name for name, cell in value.items() if isinstance(cell, dict | list)]:
            yield BadRow(number, f"{nested[0]} is nested", line.rstrip("\n"))
        else:
            yield Row(number, {name: _text(cell) for name, cell in value.items()})


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is given twice")
    return value


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)
