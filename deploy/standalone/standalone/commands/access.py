"""`onefunnel key create`."""

import click

from standalone.commands.choosing import id_of
from standalone.console.options import Target, gateway_options, json_option
from standalone.console.tables import say, show_json
from standalone.console.verbs import Verbs

ROLES = (
    "rep", "marketer", "manager", "executive", "comp_admin", "auditor", "integration", "operator", "admin",
)  # fmt: skip


@click.group(cls=Verbs)
def key() -> None:
    """Make API keys."""


@key.command("create")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--name", help="What it is for.  [default: key of ROLE]")
@click.option("--person", metavar="NAME|ID", help="Whose key it is.")
@click.option("--expires", metavar="TIME", help="When it stops working, e.g. 2027-01-01T00:00:00Z.")
@json_option
@gateway_options
def create(
    target: Target,
    role: str,
    name: str | None,
    person: str | None,
    expires: str | None,
    as_json: bool,
) -> None:
    """Make an API key. It is shown this once."""
    gateway = target.connect()
    body = {"role": role, "name": name or f"key of {role}"}
    if person:
        body["person_id"] = id_of(gateway, "person", person)
    if expires:
        body["expires_at"] = expires
    answer = gateway.post("/v1/keys", body)
    if as_json:
        show_json(answer)
        return
    click.echo(answer["key"])
    say(f"shown this once; revoke it with  DELETE /v1/keys/{answer['id']}")
