"""Whoever has the present version is not sent it again: what is changed with `If-Match` is read with its ETag."""

from typing import Final

import pytest

from gateway.main import checked_in_document

from .stage import Stage
from .things import Things

THINGS: Final = {
    "account_id": "account", "campaign_id": "campaign", "connection_id": "connection",
    "deal_id": "deal", "lead_id": "lead", "person_id": "rep", "product_id": "product",
    "subscription_id": "subscription",
}  # fmt: skip


def versioned() -> list[str]:
    """Return the paths of which the document says that they answer 304."""
    paths = checked_in_document()["paths"]
    return [
        path for path, item in paths.items() if "304" in item.get("get", {}).get("responses", ())
    ]


def test_the_document_says_so_of_everything_that_is_changed_by_its_version() -> None:
    paths = checked_in_document()["paths"]
    changed = {path for path, item in paths.items() if "patch" in item}
    assert changed == set(versioned())
    assert len(changed) > 8


@pytest.mark.parametrize("path", versioned())
def test_the_present_version_is_not_sent_again(stage: Stage, things: Things, path: str) -> None:
    target = "/".join(
        things[THINGS[part.strip("{}")]] if part.startswith("{") else part
        for part in path.split("/")
    )
    first = stage.ask("GET", target)
    tag = dict(first.headers)[b"etag"].decode()
    for known in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        again = stage.ask("GET", target, headers={"if-none-match": known})
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers)[b"etag"].decode() == tag
    assert stage.ask("GET", target, headers={"if-none-match": '"0"'}).status == 200
