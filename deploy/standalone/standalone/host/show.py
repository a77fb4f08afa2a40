"""What `onefunnel up` says: addresses first, then what is ready, then the next step."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from standalone.console.options import DEFAULT_DATA
from standalone.console.tables import say
from standalone.host.ports import HOST

NewKeys = Mapping[str, Mapping[str, str]]


def addresses(url: str, metrics_port: int, data: Path) -> None:
    """Say where everything will be, before anything is started."""
    lines = (
        ("Gateway", url),
        ("API docs", f"{url}/docs"),
        ("Status", f"onefunnel status{where(data)}   ·   {url}/v1/status"),
        ("Metrics", f"{url}/metrics   ·   of the worker: http://{HOST}:{metrics_port}/metrics"),
        ("Keys", f"{data}/keys.json   one per role and tenant, for this machine"),
        ("Stop", "Ctrl-C · your data stays"),
    )
    for name, value in lines:
        click.echo(f"  {name:<11} {value}")
    click.echo()


def where(data: Path) -> str:
    """Return the option that other commands need to find this directory."""
    return "" if data == Path(DEFAULT_DATA) else f" --data {data}"


@contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Say that something is ready, and after how long."""
    began = time.monotonic()

    def done(what: str) -> None:
        say(f"  {name:<11} ready  {time.monotonic() - began:4.1f} s   {what}")

    yield done


def new_keys(keys: NewKeys, data: Path) -> None:
    """Show keys that were just made; they are shown this once and kept in the file."""
    if not keys:
        return
    click.echo(f"\n  Development keys, shown this once and kept in {data}/keys.json (mode 600)")
    for tenant, roles in keys.items():
        for role, key in roles.items():
            click.echo(f"    {tenant:<6} {role:<12} {key}")
    click.echo()


def next_steps(data: Path, *, demo: bool) -> None:
    """Say what to try."""
    lines = [
        f"onefunnel import{where(data)} --mapping M.yaml DATA.csv   brings your data into tenant main"
    ]
    if demo:
        lines.insert(0, f"onefunnel funnel{where(data)} --tenant demo --by source")
    for n, line in enumerate(lines):
        say(f"  {'Next' if n == 0 else '':<11} {line}")
