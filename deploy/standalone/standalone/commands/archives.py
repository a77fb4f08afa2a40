"""`onefunnel backup` and `onefunnel restore`."""

from pathlib import Path

import click

from standalone.console.options import data_option, json_option
from standalone.console.tables import say, show_json

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@data_option
@json_option
def backup(data: Path, file: Path, as_json: bool) -> None:
    """Write everything into one file, while the stack runs or not. Writes go on meanwhile.

    The file holds this machine's keys: keep it like a password.
    """
    import dataclasses

    from standalone.archive.backup import back_up

    manifest = back_up(data, file)
    if as_json:
        show_json(dataclasses.asdict(manifest))
        return
    size = file.stat().st_size
    click.echo(f"{file}  {size:,} bytes  made {manifest.made_at}")
    say(f"Next   onefunnel restore --data NEW {file}   ·   it holds keys: keep it like a password")


@click.command()
@click.argument("file", type=_FILE)
@data_option
@click.option(
    "--erased",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="DATA/erased.jsonl of the former stack: who is on it is erased anew, before anything is served.",
)
@json_option
def restore(data: Path, file: Path, erased: Path | None, as_json: bool) -> None:
    """Make a stack out of a backup, in a directory that holds none.

    Whoever was erased after the backup is in it again, unless `--erased` says who they were.
    """
    import dataclasses

    from standalone.archive import restore as restoring

    manifest = restoring.restore(data, file, erased)
    if as_json:
        show_json(dataclasses.asdict(manifest))
        return
    click.echo(f"restored into {data}: made {manifest.made_at} by onefunnel {manifest.onefunnel}")
    say(f"Next   onefunnel up --data {data}")
