"""`onefunnel rebuild` and `onefunnel verify`: the projections against the journal."""

from pathlib import Path
from typing import Any

import click

from standalone.console.failure import FAILED, OK
from standalone.console.options import data_option, json_option
from standalone.console.tables import say, show_json, show_table

_SHOWN = 20


@click.command()
@data_option
@json_option
def rebuild(data: Path, as_json: bool) -> int:
    """Fold all projections anew from the journal, compare, and switch to them.

    Reads and writes go on meanwhile. Exit code 1 if anything came out otherwise than before.
    """
    from standalone.upkeep import rebuild_projections

    report = rebuild_projections(data)
    if as_json:
        show_json(_plain(report))
    else:
        rows = [
            [one["table"], f"{one['rows']:,}", f"{one['only_new']:,}", f"{one['only_old']:,}"]
            for one in report["tables"]
        ]
        show_table(["table", "rows", "only new", "only old"], rows, ["<", ">", ">", ">"])
        _show_differences(report["differences"])
        say(
            f"generation {report['generation']} is live: {report['events']:,} events,"
            f" {report['entities']:,} entities" + (", nothing changed" if report["clean"] else "")
        )
    return OK if report["clean"] else FAILED


@click.command()
@data_option
@json_option
def verify(data: Path, as_json: bool) -> int:
    """Recount every counter and every pay sum from the journal. Exit code 1 if one is wrong."""
    from standalone.upkeep import verify_projections

    verdict = verify_projections(data)
    if as_json:
        show_json(_plain(verdict))
    else:
        _show_verdict(verdict)
    return OK if verdict["right"] else FAILED


@click.command("verify-audit")
@data_option
@click.option(
    "--apart",
    is_flag=True,
    help="Of services that run apart: the environment is that of one of their workers.",
)
@json_option
def verify_audit(data: Path, apart: bool, as_json: bool) -> int:
    """Look whether any row of the audit was changed, removed, added or left unsealed.

    Exit code 1 if so. What was seen to be whole is remembered beside the data (audit-anchors.json) and in the
    output: keep one of them elsewhere, and an end that is cut off shows too.
    """
    from standalone.auditing import verify_audits, verify_audits_apart

    found = verify_audits_apart(data) if apart else verify_audits(data)
    if as_json:
        show_json(_plain(found))
    else:
        _show_audits(found)
    return OK if all(one["right"] for one in found.values()) else FAILED


def _show_audits(found: dict[str, dict[str, Any]]) -> None:
    rows = [
        [name, f"{one['rows']:,}", str(one["unsealed"]), str(len(one["breaks"])), one["head"][:16]]
        for name, one in found.items()
    ]
    show_table(["service", "sealed", "late", "breaks", "head"], rows, ["<", ">", ">", ">", "<"])
    for name, one in found.items():
        for fault in one["breaks"][:_SHOWN]:
            click.echo(f"broken  {name}  {fault}")
    say("all right" if all(one["right"] for one in found.values()) else "NOT right")


def _show_verdict(verdict: dict[str, Any]) -> None:
    for one in verdict["wrong_counters"][:_SHOWN]:
        click.echo(f"wrong counter  {one}")
    for one in verdict["wrong_entities"][:_SHOWN]:
        click.echo(f"wrong entity  {one}")
    _show_differences(verdict["differences"])
    for one in verdict["unknown_ids"][:_SHOWN]:
        click.echo(f"unknown id  {one}")
    say(
        f"{verdict['events']:,} events, {verdict['counters']:,} counters,"
        f" {verdict['entities']:,} entities: " + ("all right" if verdict["right"] else "NOT right")
    )
    if verdict["stale"]:
        say(f"{len(verdict['stale'])} tenants are being derived again and were left out")


def _show_differences(differences: list[dict[str, Any]]) -> None:
    from standalone.console.money import show

    for one in differences[:_SHOWN]:
        owed, posted = (show(one[name], one["currency"]) for name in ("owed_minor", "posted_minor"))
        click.echo(
            f"pay  {one['payee']}  {one['component']}  {one['earned_period']}:"
            f" owed {owed}, posted {posted} {one['currency']}"
        )


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
