"""`onefunnel import`."""

from pathlib import Path

import click

from standalone.console.options import Target, gateway_options, json_option

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.option("--mapping", type=_FILE, required=True, help="What the columns mean (YAML).")
@click.argument("data_file", type=_FILE, metavar="DATA.csv")
@click.option(
    "--lookup",
    "look_ups",
    multiple=True,
    metavar="NAME=FILE",
    help="Another file the mapping names.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@click.option("--rejects", type=_FILE, help="Where rejected rows go.  [default: DATA.rejects.csv]")
@click.option(
    "--accept-unmatched",
    is_flag=True,
    help="Import rows whose look-ups or references found nothing, without that value.",
)
@json_option
@gateway_options
def bring_in(
    target: Target,
    mapping: Path,
    data_file: Path,
    look_ups: tuple[str, ...],
    dry_run: bool,
    rejects: Path | None,
    accept_unmatched: bool,
    as_json: bool,
) -> int:
    """Bring in a CSV or JSON-lines file as a mapping says.

    Every row of every set is read before the first is written. The same command run again changes
    nothing, and one that was killed can be run again. Exit code 1 means that rows were rejected.
    """
    from standalone.imports.run import Request, run_import

    return run_import(
        Request(
            mapping=mapping,
            data_file=data_file,
            look_ups=look_ups,
            dry_run=dry_run,
            rejects=rejects or Path(f"{data_file.stem}.rejects.csv"),
            accept_unmatched=accept_unmatched,
            as_json=as_json,
        ),
        target,
    )
