"""Whoever guesses learns nothing from the work that a guess costs: what is asked of the database, not for how long."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from onefunnel.ids import new_id

from .test_webhooks import connected, post

DEAL = {"type": "deal.won", "data": {"id": "1"}}


@pytest.fixture
def asked(gateway):
    """Return what is asked of the gateway's database from now on, without what it is asked with."""
    statements: list[str] = []
    engine = gateway.runtime.database("gateway")._engine.sync_engine

    def note(_conn, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def what(asked: list[str], answer) -> list[str]:
    asked.clear()
    assert (await answer).status_code == 401
    return list(asked)


async def test_a_key_that_is_not_there_asks_what_a_wrong_secret_asks(gateway, asked):
    client = await gateway.client()
    environment, id_, secret = gateway.keys["rep"].split("_")[1:]
    assert id_ != new_id().hex

    def with_key(known_id: str, other_secret: str):
        key = f"of_{environment}_{known_id}_{other_secret}"
        return client.get("/v1/me", headers={"X-API-Key": key})

    wrong = await what(asked, with_key(id_, secret[::-1]))
    unknown = await what(asked, with_key(new_id().hex, secret))
    assert sorted(unknown) == sorted(wrong)
    assert any("api_key" in statement for statement in unknown)


@pytest.mark.parametrize("provider", ["standard", "hubspot"])
async def test_an_endpoint_that_is_not_there_asks_what_a_wrong_signature_asks(
    gateway, asked, provider
):
    to = await connected(gateway, provider)
    forged = to.sent(DEAL)
    turned = {name: text[::-1] for name, text in forged.headers.items() if "ignature" in name}
    forged = replace(forged, headers={**forged.headers, **turned})
    nowhere = replace(forged, path=to.path[:-3] + "xxx")

    for _ in range(2):  # an endpoint that was looked up before is no faster
        wrong = await what(asked, post(gateway, forged))
        unknown = await what(asked, post(gateway, nowhere))
        assert sorted(unknown) == sorted(wrong)
        assert any("connection" in statement for statement in unknown)
