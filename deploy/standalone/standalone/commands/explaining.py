"""`onefunnel explain`: what a number is made of."""

import click

from standalone.commands.choosing import cut_query, filter_options
from standalone.console.answers import footer, label
from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import show_json, show_table


@click.command()
@click.argument("metric", metavar="METRIC")
@filter_options
@click.option("--step", help="Of which funnel step.")
@click.option("--currency", help="In which currency.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@json_option
@gateway_options
def explain(
    target: Target,
    metric: str,
    from_: str | None,
    to: str | None,
    where: tuple[str, ...],
    step: str | None,
    currency: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """List the deals, leads or assets behind a number; their sum is the number.

    For example:  onefunnel explain sales.won --where region=West
    """
    gateway = target.connect()
    query = cut_query(gateway, from_=from_, to=to, group_by=None, where=where)
    asked = {"metric": metric, "step": step, "currency": currency, "limit": limit}
    answer = gateway.get("/v1/explain", {**query, **asked})
    if as_json:
        show_json(answer)
        return footer(answer, quiet=True)
    rows = [
        [
            one["entity"],
            label(answer, one["id"]),
            f"{one['contribution']:,}",
            ", ".join(one["days"]),
            ", ".join(_short(event["type"]) for event in one["events"]),
        ]
        for one in answer["items"]
    ]
    show_table(["", "which", "part", "counted on", "because of"], rows, ["<", "<", ">", "<", "<"])
    left = answer["entities"] - len(rows)
    more = [f"and {left:,} more; --json has a cursor"] if left > 0 else []
    return footer(answer, [*more, answer["sentence"]])


def _short(type_: str) -> str:
    return type_.removeprefix("onefunnel.").rpartition(".v")[0]
