"""`onefunnel tenant create`."""

from pathlib import Path

import click

from standalone.console.options import data_option, json_option
from standalone.console.tables import say, show_json, show_table
from standalone.console.verbs import Verbs


@click.group(cls=Verbs)
def tenant() -> None:
    """Make tenants on this machine."""


@tenant.command("create")
@click.argument("name")
@click.option("--currency", default="USD", show_default=True)
@click.option("--time-zone", default="UTC", show_default=True)
@click.option("--fiscal-year-start", type=click.IntRange(1, 12), default=1, show_default=True)
@data_option
@json_option
def create(
    data: Path, name: str, currency: str, time_zone: str, fiscal_year_start: int, as_json: bool
) -> None:
    """Make a tenant with one development key per role, kept in DATA/keys.json.

    Made again it keeps its keys and takes the settings given.
    """
    import asyncio

    from standalone.host.borrowing import borrowed_server
    from standalone.host.preparing import environment_of, run_prepare

    settings: dict[str, str | int] = {
        "currency": currency,
        "time_zone": time_zone,
        "fiscal_year_start": fiscal_year_start,
    }
    with borrowed_server(data) as server:
        made = asyncio.run(run_prepare(data, environment_of(data, server), {name: settings}))
    keys = made.get(name, {})
    if as_json:
        show_json({"tenant": name, "keys": dict(keys)})
        return
    if keys:
        show_table(["role", "key"], [[role, key] for role, key in keys.items()])
    say(f"tenant {name} is ready; keys are kept in {data}/keys.json")
    say(f"Next   onefunnel import --tenant {name} …")
