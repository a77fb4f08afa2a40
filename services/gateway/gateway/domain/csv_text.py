"""CSV that a spreadsheet cannot be made to run: RFC 4180, numbers as numbers, text that is only text.

A cell of text that a spreadsheet would read as a formula begins with an apostrophe, whatever spaces or
quotes stand before the sign. Numbers are numbers by their type: a negative amount is no formula.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

Cell = str | int | Decimal | bool | None

END: Final = "\r\n"

# Signs that begin a formula, and their full-width twins; and what begins a cell anew in some programs.
_FORMULA: Final = re.compile(
    r"[\s\"'\u00a0\u2018\u2019\u201c\u201d]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
)
_BREAKS: Final = ("\t", "\r", "\n")
# Text may not say what it is not: direction overrides are taken out, and so are control characters.
_UNSEEN: Final = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def line(cells: Iterable[Cell]) -> str:
    """Return one line of a file."""
    return ",".join(map(cell, cells)) + END


def cell(value: Cell) -> str:
    """Return one cell: a number bare, anything a person or another system has written in quotes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = _UNSEEN.sub("", value)
    if _FORMULA.match(text) or text.startswith(_BREAKS):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'
