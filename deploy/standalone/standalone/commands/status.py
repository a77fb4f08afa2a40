"""`onefunnel status`."""

from typing import Any

import click

from standalone.console.failure import NOT_READY, OK
from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import say, show_json, show_table

WATCH_EVERY_S = 2.0


@click.command()
@click.option("--watch", is_flag=True, help="Show it again every two seconds.")
@json_option
@gateway_options
def status(target: Target, watch: bool, as_json: bool) -> int:
    """Say how every service is: ready, lag, generation, dead letters. Exit code 3 if one is not."""
    gateway = target.connect()
    while True:
        answer = gateway.get("/v1/status")
        if as_json:
            show_json(answer)
        else:
            show(answer)
        if not watch:
            return OK if answer["ready"] else NOT_READY
        import threading

        threading.Event().wait(WATCH_EVERY_S)
        click.echo()


def show(answer: dict[str, Any]) -> None:
    """Print one line a service."""
    rows = [
        [name, "ready" if one["ready"] else "NOT READY", _details(one.get("detail"))]
        for name, one in answer["services"].items()
    ]
    show_table(["service", "state", "details"], rows)
    halted = answer["halted"]
    for one in halted:
        say(f"halted   {one['service']} {one['topic']} {one['partition']}   {one['reason']}")
    if halted:
        place = f"{halted[0]['service']} {halted[0]['topic']} {halted[0]['partition']}"
        say(f"Next   onefunnel resume {place}")


def _details(detail: dict[str, Any] | None) -> str:
    return "   ".join(_flat("", detail)) if detail else ""


def _flat(prefix: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [
            text
            for name, inner in value.items()
            for text in _flat(f"{prefix} {name}".strip().replace("_", " "), inner)
        ]
    if value is None or value is False or value == []:
        return []
    if isinstance(value, list):
        return [f"{prefix} {len(value)}"]
    return [prefix if value is True else f"{prefix} {value}"]
