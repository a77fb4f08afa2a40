"""`onefunnel statement`, `onefunnel attainment`, `onefunnel period close`."""

from typing import Any

import click

from standalone.commands.choosing import id_of
from standalone.console.answers import footer, label, money_of, rate_of
from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import say, show_json, show_table
from standalone.console.verbs import Verbs


@click.command()
@click.option("--payee", required=True, metavar="NAME|ID", help="Whose statement.")
@click.option("--period", required=True, metavar="2026-03|2026-Q1|2026")
@json_option
@gateway_options
def statement(target: Target, payee: str, period: str, as_json: bool) -> int:
    """Show what a person earned in a period, with every line explained."""
    gateway = target.connect()
    query = {"payee": id_of(gateway, "payee", payee), "period": period}
    answer = gateway.get("/v1/compensation/statements", query)
    if as_json:
        show_json(answer)
        return footer(answer, quiet=True)
    closed = " (closed)" if answer["closed"] else ""
    click.echo(f"{label(answer, answer['payee'])}   {answer['period']}{closed}\n")
    for component in answer["components"]:
        _show_component(answer, component)
    for entry in answer["retro"]:
        click.echo(
            f"retro  {entry['earned_period']}  {money_of(entry['amount'])}  {entry['sentence']}"
        )
    for entry in answer["adjustments"]:
        click.echo(f"adjustment  {money_of(entry['amount'])}  {'; '.join(entry['reasons'])}")
    _show_totals(answer)
    return footer(answer)


def _show_component(answer: dict[str, Any], component: dict[str, Any]) -> None:
    quota = f"   attainment {rate_of(component['attainment'])}" if component["attainment"] else ""
    average = component["average_margin"]
    margin = f"   average margin {rate_of(average)}" if average else ""
    click.echo(f"{component['component']} of {component['plan_name']} v{component['plan_version']}"
               f" on {component['measure']}{quota}{margin}")  # fmt: skip
    rows = [
        [
            line["booked_on"],
            label(answer, line["deal"]),
            money_of(line["base"]),
            " + ".join(_how(tier, line["base"]["currency"]) for tier in line["tiers"]),
            money_of(line["amount"]),
            line["reason"] or "",
        ]
        for line in component["lines"]
    ]
    rows.append(["", "", money_of(component["base"]), "", money_of(component["total"]), "total"])
    show_table(
        ["booked", "deal", "base", "how", "amount", ""], rows, ["<", "<", ">", "<", ">", "<"]
    )
    if component["assumed"]["assumed"]:
        click.echo(f"* rests on assumed costs, on {component['assumed']['n']} lines")
    click.echo()


def _how(tier: dict[str, Any], currency: str) -> str:
    part = str(tier["part"])
    whole = part.lstrip("-").isdigit()
    shown = money_of({"amount_minor": part, "currency": currency}) if whole else f"{part} minor"
    return f"{shown} × {tier['rate']}"


def _show_totals(answer: dict[str, Any]) -> None:
    rows = [
        [
            t["currency"],
            *(money_of(t[name]) for name in ("earned", "retro", "adjustments", "total")),
        ]
        for t in answer["totals"]
    ]
    show_table(["", "earned", "retro", "adjustments", "total"], rows, ["<", ">", ">", ">", ">"])
    for check in answer["checks"]:
        if not check["equal"]:
            say(
                f"the lines come to {money_of(check['lines'])} {check['currency']} and the book has"
                f" {money_of(check['posted'])}: a change of rules is still being worked off"
            )
    say(answer["sentence"])


@click.command()
@click.option("--period", required=True, metavar="2026-03|2026-Q1|2026")
@click.option("--person", metavar="NAME|ID", help="Only this person.")
@click.option("--by", "group_by", type=click.Choice(["manager", "team", "region"]))
@json_option
@gateway_options
def attainment(
    target: Target, period: str, person: str | None, group_by: str | None, as_json: bool
) -> int:
    """Show how much of the quotas is reached."""
    gateway = target.connect()
    person_id = id_of(gateway, "person", person) if person else None
    query = {"period": period, "person": person_id, "group_by": group_by}
    answer = gateway.get("/v1/quota-attainment", query)
    if as_json:
        show_json(answer)
        return footer(answer, quiet=True)
    rows = [
        [
            label(answer, one["person"]),
            one["measure"],
            _credited(one),
            one["currency"] or "",
            rate_of(one["attainment"]),
            "yes" if one["attained"] else "no",
        ]
        for one in answer["items"]
    ]
    headers = ["person", "measure", "credited", "", "attainment", "reached"]
    show_table(headers, rows, ["<", "<", ">", "<", ">", "<"])
    for group in answer["groups"]:
        say(f"{label(answer, group['key'])}: {rate_of(group['attainment'])} of quota,"
            f" {rate_of(group['at_quota'])} of people reach theirs")  # fmt: skip
    return footer(answer)


def _credited(one: dict[str, Any]) -> str:
    if one["currency"] is None:
        return f"{one['credited']:,}"
    return money_of({"amount_minor": one["credited"], "currency": one["currency"]})


@click.group(cls=Verbs)
def period() -> None:
    """Close periods of pay."""


@period.command("close")
@click.argument("name", metavar="2026-03|2026-Q1|2026")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@gateway_options
def close(target: Target, name: str, yes: bool, as_json: bool) -> None:
    """Close a period: its statements stay as they are, later differences go to an open one."""
    import sys

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("closing cannot be undone; say --yes")
        click.confirm(f"Close {name}? This cannot be undone", abort=True, err=True)
    answer = target.connect().post(
        f"/v1/compensation/periods/{name}/close", {}, {"Idempotency-Key": f"close-{name}"}
    )
    if as_json:
        show_json(answer)
        return
    click.echo(f"{answer['period']} closed at {answer['closed_at']}")
