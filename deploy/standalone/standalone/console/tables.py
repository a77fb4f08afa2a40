"""Tables on stdout: aligned columns, numbers to the right, nothing that a pipe would trip over."""

from collections.abc import Sequence
from typing import Literal

import click

Align = Literal["<", ">"]


def show_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], align: Sequence[Align] | None = None
) -> None:
    """Print rows under their headers."""
    sides = align or ["<"] * len(headers)
    widths = [max([len(h), *(len(row[n]) for row in rows)]) for n, h in enumerate(headers)]

    def line(cells: Sequence[str]) -> str:
        padded = (f"{c:{a}{w}}" for c, a, w in zip(cells, sides, widths, strict=True))
        return "  ".join(padded).rstrip()

    click.echo(line(headers))
    click.echo(line(["─" * width for width in widths]))
    for row in rows:
        click.echo(line(row))


def show_json(value: object) -> None:
    """Print a value as JSON, for programs."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str = "") -> None:
    """Talk: on stderr, so that stdout stays data."""
    click.echo(text, err=True)
