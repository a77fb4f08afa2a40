"""Options that choose what a number is about, and the ids behind names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from standalone.gateway_client import Gateway

DIMENSIONS: Final = (
    "person", "manager", "team", "region", "source", "campaign", "segment", "product", "account",
)  # fmt: skip
_LISTS: Final = {
    "person": "/v1/people",
    "manager": "/v1/people",
    "payee": "/v1/people",
    "campaign": "/v1/campaigns",
    "product": "/v1/products",
    "account": "/v1/accounts",
}
_PAGE: Final = 200
_MAX_PAGES: Final = 500
Command = TypeVar("Command", bound=Callable[..., Any])


def filter_options(command: Command) -> Command:
    """Add --from, --to and --where."""
    wrapped: Any = command
    for option in (
        click.option(
            "--where", multiple=True, metavar="DIM=VALUE", help="Only these, e.g. region=West."
        ),
        click.option("--to", "to", metavar="DATE", help="First day that is not counted."),
        click.option("--from", "from_", metavar="DATE", help="First day.  [default: a year ago]"),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def cut_options(command: Command) -> Command:
    """Add --from, --to, --where and --by."""
    by = click.option("--by", "group_by", type=click.Choice(DIMENSIONS), help="One row each.")
    return filter_options(by(command))


def cut_query(
    gateway: "Gateway",
    *,
    from_: str | None,
    to: str | None,
    group_by: str | None,
    where: tuple[str, ...],
) -> dict[str, str | int | None]:
    """Return the query of a cut; names in filters become ids."""
    query: dict[str, str | int | None] = {"from": from_, "to": to, "group_by": group_by}
    for given in where:
        dimension, equals, value = given.partition("=")
        if not equals or dimension not in DIMENSIONS:
            raise click.UsageError(
                f"--where {given} is not DIM=VALUE with one of {', '.join(DIMENSIONS)}"
            )
        query[dimension] = id_of(gateway, dimension, value) if value else value
    return query


def id_of(gateway: "Gateway", kind: str, text: str) -> str:
    """Return the id of something by its id or its name; a code stays what it is."""
    if kind not in _LISTS or _is_id(text):
        return text
    names: dict[str, str] = {}
    for one in _listed(gateway, _LISTS[kind]):
        if one.get("name", "").casefold() == text.casefold():
            return str(one["id"])
        names[one.get("name", "")] = str(one["id"])
    raise _unknown(kind, text, list(names))


def _listed(gateway: "Gateway", path: str) -> Any:
    cursor = None
    for _ in range(_MAX_PAGES):
        page = gateway.get(path, {"limit": _PAGE, "cursor": cursor})
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _is_id(text: str) -> bool:
    from uuid import UUID

    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _unknown(kind: str, text: str, names: list[str]) -> Exception:
    import difflib

    from standalone.console.failure import Failure

    meant = difflib.get_close_matches(text, names, n=1)
    return Failure(
        f"there is no {kind} called {text}",
        help=f"did you mean  {meant[0]} ?" if meant else "give the name as it is, or the id",
        code="not-found",
    )
