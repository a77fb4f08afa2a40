"""The options every command of a client has, and the gateway they lead to."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from standalone.console.failure import REFUSED, Failure

if TYPE_CHECKING:
    from standalone.gateway_client import Gateway

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_DATA = "data"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Which gateway, as whom."""

    data: Path
    tenant: str
    key: str | None
    url: str | None

    def connect(self, role: str = "admin") -> "Gateway":
        """Return a connection with the key of the caller, or the one this machine keeps for a role."""
        from standalone.gateway_client import Gateway

        return Gateway(self.address(), self.key or self._kept_key(role))

    def address(self) -> str:
        """Return the gateway's address: stated, or that of the host that runs on the data directory."""
        if self.url:
            return self.url
        from standalone.host.lock import read_owner

        owner = read_owner(self.data)
        return (owner.url if owner else None) or DEFAULT_URL

    def _kept_key(self, role: str) -> str:
        from standalone.host.keys import read_keys

        keys = read_keys(self.data)
        if keys is None:
            raise Failure(
                "there is no key to show to the gateway",
                because=(
                    f"neither --key nor ONEFUNNEL_KEY is set, and {self.data} has no keys.json",
                ),
                help="name the directory of  onefunnel up  with --data, or give --key",
                code="no-key",
                exit_code=REFUSED,
            )
        found = keys.get(self.tenant, {}).get(role)
        if found is None:
            raise Failure(
                f"there is no {role} key of tenant {self.tenant} on this machine",
                because=(f"{self.data}/keys.json has keys of: {', '.join(keys) or 'nobody'}",),
                help="choose one with --tenant, or give --key",
                code="no-key",
                exit_code=REFUSED,
            )
        return found


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DATA,
    envvar="ONEFUNNEL_DATA",
    show_default=True,
    show_envvar=True,
    help="Directory of the database and the keys.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def gateway_options(command: Command) -> Command:
    """Add --tenant, --key, --url and --data; the command is given one `target`."""
    import functools

    @functools.wraps(command)
    def with_target(
        *args: Any, data: Path, tenant: str, key: str | None, url: str | None, **more: Any
    ) -> Any:
        return command(*args, target=Target(data, tenant, key, url), **more)

    wrapped: Any = with_target
    for option in (
        data_option,
        click.option("--url", envvar="ONEFUNNEL_URL", help="Address of the gateway."),
        click.option("--key", envvar="ONEFUNNEL_KEY", help="API key; else that of DATA/keys.json."),
        click.option(
            "--tenant",
            default="main",
            envvar="ONEFUNNEL_TENANT",
            show_default=True,
            help="Whose key of DATA/keys.json to use.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def colour_wanted() -> bool | None:
    """Return False where NO_COLOR asks for none; None lets the terminal decide."""
    return False if os.environ.get("NO_COLOR") else None
