"""`onefunnel dead-letters`: events that could not be folded."""

import click

from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import say, show_json, show_table
from standalone.console.verbs import Verbs


@click.group("dead-letters", cls=Verbs)
def dead_letters() -> None:
    """Look at events that could not be counted, try them again, or leave them out."""


@dead_letters.command("list")
@click.option("--status", type=click.Choice(["open", "redriven", "discarded"]), default="open")
@json_option
@gateway_options
def list_(target: Target, status: str, as_json: bool) -> None:
    """List them, oldest first."""
    answer = target.connect().get("/v1/dead-letters", {"status": status, "limit": 200})
    if as_json:
        show_json(answer)
        return
    rows = [
        [str(one["id"]), one["status"], one["reason"], one["type"] or "?", str(one["waiting"]), one["died_at"]]
        for one in answer["items"]
    ]  # fmt: skip
    show_table(["id", "status", "reason", "event", "waiting", "since"], rows)
    if rows and status == "open":
        say(f"Next   onefunnel dead-letters redrive {rows[0][0]}")


@dead_letters.command("show")
@click.argument("dead_id", type=int)
@json_option
@gateway_options
def show(target: Target, dead_id: int, as_json: bool) -> None:
    """Show one."""
    answer = target.connect().get(f"/v1/dead-letters/{dead_id}")
    if as_json:
        show_json(answer)
        return
    show_table(
        ["", ""], [[name, str(value)] for name, value in answer.items() if value is not None]
    )


@dead_letters.command("redrive")
@click.argument("dead_id", type=int)
@json_option
@gateway_options
def redrive(target: Target, dead_id: int, as_json: bool) -> None:
    """Fold it as if it came now, and what waited for it."""
    _settle(target, dead_id, "redrive", as_json=as_json)


@dead_letters.command("discard")
@click.argument("dead_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@gateway_options
def discard(target: Target, dead_id: int, yes: bool, as_json: bool) -> None:
    """Leave it out for good; what waited for it goes on without it."""
    import sys

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("discarding cannot be undone; say --yes")
        click.confirm(f"Discard {dead_id}? This cannot be undone", abort=True, err=True)
    _settle(target, dead_id, "discard", as_json=as_json)


def _settle(target: Target, dead_id: int, what: str, *, as_json: bool) -> None:
    answer = target.connect().post(f"/v1/dead-letters/{dead_id}/{what}", {})
    if as_json:
        show_json(answer)
        return
    click.echo(f"{answer['id']} {answer['outcome']}")
