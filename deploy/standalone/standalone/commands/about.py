"""`onefunnel version` and `onefunnel completion`."""

import click

from standalone.console.options import json_option
from standalone.console.tables import show_json


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Say which release this is, and on what it runs."""
    import platform
    from importlib.metadata import version as version_of

    found = {
        "onefunnel": version_of("onefunnel-standalone"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if as_json:
        show_json(found)
        return
    click.echo(f"onefunnel {found['onefunnel']} (Python {found['python']}, {found['system']})")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes verbs and options in a shell.

    For bash:  eval "$(onefunnel completion bash)"
    """
    from click.shell_completion import get_completion_class

    from standalone.cli import cli

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(cli, {}, "onefunnel", "_ONEFUNNEL_COMPLETE").source())
