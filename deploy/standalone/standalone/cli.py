"""The `onefunnel` command. Nothing heavy is imported here: `--help` and completion stay quick."""

import os
import sys
from typing import Any

import click

from standalone.console.failure import INTERRUPTED, OK, USAGE, Failure
from standalone.console.options import colour_wanted
from standalone.console.tables import say
from standalone.console.verbs import Verbs


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with:  onefunnel up",
)
@click.option("--debug", is_flag=True, help="Show the stack trace of an error.")
def cli(debug: bool) -> None:
    """One funnel, one set of numbers, one pay ledger for sales and marketing."""


def main(args: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    given = sys.argv[1:] if args is None else args
    sys.exit(run(given))


def run(args: list[str]) -> int:
    """Run the command; return the exit code after saying what went wrong."""
    _add_verbs()
    debug = "--debug" in args or bool(os.environ.get("ONEFUNNEL_DEBUG"))
    try:
        outcome: Any = cli.main(
            [arg for arg in args if arg != "--debug"],
            prog_name="onefunnel",
            standalone_mode=False,
            color=colour_wanted(),
        )
        return outcome if isinstance(outcome, int) else OK
    except click.exceptions.Exit as left:
        return left.exit_code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if debug:
            raise
        failure = _failure_of(error)
        say(str(failure))
        return failure.exit_code


def _failure_of(error: Exception) -> Failure:
    """Return what to say about an error, and the exit code."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, click.Abort):
        return Failure("interrupted", code="interrupted", exit_code=INTERRUPTED)
    if isinstance(error, click.UsageError):
        return _usage(error)
    return _unexpected(error)


def _usage(mistake: click.UsageError) -> Failure:
    path = mistake.ctx.command_path if mistake.ctx else "onefunnel"
    return Failure(
        mistake.format_message().rstrip("."),
        help=f"{path} --help  shows what it takes",
        code="usage",
        exit_code=USAGE,
    )


def _unexpected(bug: Exception) -> Failure:
    return Failure(
        "something went wrong that should not have",
        because=(f"{type(bug).__name__}: {bug}",),
        help="the same command with --debug shows where; please report it",
        code="bug",
    )


def _add_verbs() -> None:
    from standalone.commands import VERBS

    for verb in VERBS:
        cli.add_command(verb)
