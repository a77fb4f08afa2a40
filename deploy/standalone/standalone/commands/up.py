"""`onefunnel up`."""

from pathlib import Path

import click

from standalone.console.options import data_option


@click.command()
@data_option
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True)
@click.option("--no-demo", is_flag=True, help="Leave the demo company out.")
def up(data: Path, port: int, no_demo: bool) -> int:
    """Start everything on this machine and stay in the foreground.

    Ctrl-C stops it in order; a second Ctrl-C at once. Your data stays.
    """
    from standalone.host.host import Options, run_host

    return run_host(Options(data, port, demo=not no_demo))
