"""`onefunnel dead-letters` and `onefunnel resume`: events that a service could not take in."""

import click

from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import say, show_json, show_table
from standalone.console.verbs import Verbs

# Those that take in events of the log.
SERVICES = click.Choice(["lead", "scoring", "content", "metrics", "gateway"])


@click.group("dead-letters", cls=Verbs)
def dead_letters() -> None:
    """Look at events that a service could not take in, try them again, or leave them out."""


@dead_letters.command("list")
@click.option("--service", type=SERVICES, help="Those of one service alone.")
@click.option("--status", type=click.Choice(["open", "redriven", "discarded"]), default="open")
@json_option
@gateway_options
def list_(target: Target, service: str | None, status: str, as_json: bool) -> None:
    """List them, service by service, oldest first."""
    query = {"service": service, "status": status, "limit": 200}
    answer = target.connect().get("/v1/dead-letters", query)
    if as_json:
        show_json(answer)
        return
    rows = [
        [str(one[name]) for name in ("service", "id", "status", "reason")]
        + [one["type"] or "?", str(one["waiting"]), one["died_at"]]
        for one in answer["items"]
    ]
    show_table(["service", "id", "status", "reason", "event", "waiting", "since"], rows)
    if answer["next_cursor"]:
        say(f"the first {len(rows)}; there are more behind them")
    if rows and status == "open":
        say(f"Next   onefunnel dead-letters redrive {rows[0][0]} {rows[0][1]}")


@dead_letters.command("show")
@click.argument("service", type=SERVICES)
@click.argument("dead_id", type=int)
@json_option
@gateway_options
def show(target: Target, service: str, dead_id: int, as_json: bool) -> None:
    """Show one: what, why, and who settled it when."""
    answer = target.connect().get(f"/v1/dead-letters/{service}/{dead_id}")
    if as_json:
        show_json(answer)
        return
    show_table(
        ["", ""], [[name, str(value)] for name, value in answer.items() if value is not None]
    )


@dead_letters.command("redrive")
@click.argument("service", type=SERVICES)
@click.argument("dead_id", type=int)
@json_option
@gateway_options
def redrive(target: Target, service: str, dead_id: int, as_json: bool) -> None:
    """Take it in as if it came now, and what waited for it."""
    _settle(target, service, dead_id, "redrive", as_json=as_json)


@dead_letters.command("discard")
@click.argument("service", type=SERVICES)
@click.argument("dead_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@gateway_options
def discard(target: Target, service: str, dead_id: int, yes: bool, as_json: bool) -> None:
    """Leave it out for good; what waited for it goes on without it."""
    import sys

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("discarding cannot be undone; say --yes")
        click.confirm(f"Discard {service} {dead_id}? This cannot be undone", abort=True, err=True)
    _settle(target, service, dead_id, "discard", as_json=as_json)


def _settle(target: Target, service: str, dead_id: int, what: str, *, as_json: bool) -> None:
    answer = target.connect().post(f"/v1/dead-letters/{service}/{dead_id}/{what}", {})
    if as_json:
        show_json(answer)
        return
    click.echo(f"{answer['service']} {answer['id']} {answer['outcome']}")


@click.command()
@click.argument("service", type=SERVICES)
@click.argument("topic")
@click.argument("partition", type=click.IntRange(min=0))
@json_option
@gateway_options
def resume(target: Target, service: str, topic: str, partition: int, as_json: bool) -> None:
    """Let a halted partition go on where it stopped; `onefunnel status` lists them.

    Do it when the reason is gone: what halted it may halt it again.
    """
    answer = target.connect().post(f"/v1/partitions/{service}/{topic}/{partition}/resume", {})
    if as_json:
        show_json(answer)
        return
    place = f"{answer['service']} {answer['topic']} {answer['partition']}"
    click.echo(f"{place} goes on at {answer['position']}")
    say(f"it was halted: {answer['reason']}")
