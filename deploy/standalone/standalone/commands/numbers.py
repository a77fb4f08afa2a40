"""`onefunnel funnel` and `onefunnel performance`: the projections as tables."""

from typing import Any, Final

import click

from standalone.commands.choosing import cut_options, cut_query
from standalone.console.answers import days, footer, label, money_of, rate_of
from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import Align, show_json, show_table

_NOTHING: Final = "–"


@click.command()
@cut_options
@click.option("--method", type=click.Choice(["cohort", "snapshot"]), default="cohort")
@json_option
@gateway_options
def funnel(
    target: Target,
    from_: str | None,
    to: str | None,
    group_by: str | None,
    where: tuple[str, ...],
    method: str,
    as_json: bool,
) -> int:
    """Show each step of the funnel: who owns it, how many came, how many went on, how long it took."""
    gateway = target.connect()
    query = cut_query(gateway, from_=from_, to=to, group_by=group_by, where=where)
    answer = gateway.get("/v1/funnel", {**query, "method": method})
    if as_json:
        show_json(answer)
        return footer(answer, quiet=True)
    headers = ["step", "owner", "entered", "reached", "of first", "of previous",
               "in window", "open now", "median days"]  # fmt: skip
    align: list[Align] = ["<", "<", *[">"] * 7]  # type: ignore[list-item]
    grouped = group_by is not None
    rows = [
        ([label(answer, group["key"])] if grouped else []) + _step(step)
        for group in answer["groups"]
        for step in group["steps"]
    ]
    show_table(
        [group_by or "", *headers] if grouped else headers,
        rows,
        ["<", *align] if grouped else align,
    )
    return footer(answer)


def _step(step: dict[str, Any]) -> list[str]:
    return [
        step["step"],
        step["owner"],
        f"{step['entered']:,}",
        f"{step['reached']:,}",
        rate_of(step["of_first"]),
        rate_of(step["of_previous"]),
        rate_of(step["conversion"]),
        f"{step['open_now']['count']:,}",
        days(step["time_in_step"]["median_days"]),
    ]


@click.command()
@cut_options
@click.option(
    "--granularity", type=click.Choice(["month", "quarter", "year"]), help="One row each."
)
@json_option
@gateway_options
def performance(
    target: Target,
    from_: str | None,
    to: str | None,
    group_by: str | None,
    where: tuple[str, ...],
    granularity: str | None,
    as_json: bool,
) -> int:
    """Show sales performance: won, lost, open; revenue, discount, margin; win rate and cycle."""
    gateway = target.connect()
    query = cut_query(gateway, from_=from_, to=to, group_by=group_by, where=where)
    answer = gateway.get("/v1/sales-performance", {**query, "granularity": granularity})
    if as_json:
        show_json(answer)
        return footer(answer, quiet=True)
    labels = [name for name in (group_by, granularity and "period") if name]
    headers = ["won", "lost", "no decision", "disqualified", "open now", "win rate",
               "revenue", "", "discount", "margin", "median cycle"]  # fmt: skip
    rows = [
        _labels(answer, group, labels) + _performance(group, amounts)
        for group in answer["groups"]
        for amounts in group["amounts"] or [None]
    ]
    align: list[Align] = ["<"] * len(labels) + [">"] * len(headers)  # type: ignore[assignment]
    show_table([*labels, *headers], rows, align)
    assumed = sum(a["margin"]["assumed"]["n"] for g in answer["groups"] for a in g["amounts"])
    notes = (
        [f"* margins rest on costs that a mapping assumed, on {assumed:,} lines"] if assumed else []
    )
    return footer(answer, notes)


def _labels(answer: dict[str, Any], group: dict[str, Any], labels: list[str]) -> list[str]:
    return [group["period"] if name == "period" else label(answer, group["key"]) for name in labels]


def _performance(group: dict[str, Any], amounts: dict[str, Any] | None) -> list[str]:
    counts, cycle = group["counts"], group["cycle"]
    row = [
        f"{counts[name]:,}" for name in ("won", "lost", "no_decision", "disqualified", "open_now")
    ]
    row.append(rate_of(group["win_rate"]))
    if amounts is None:
        row += [_NOTHING] * 4
    else:
        margin = amounts["margin"]
        mark = "*" if margin["assumed"]["assumed"] else ""
        row += [
            money_of(amounts["revenue"]),
            amounts["currency"],
            rate_of(amounts["discount"]["rate"]),
            rate_of(margin["rate"]) + mark,
        ]
    row.append(days(cycle["spread"]["median_days"]) if cycle else _NOTHING)
    return row
