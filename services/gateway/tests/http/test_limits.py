"""Too much is refused, and says when to come back; other people's pages stay outside."""

import pytest

from gateway.entrypoints.browsers import BadOrigin, Frontends
from gateway.main import build

from .conftest import document_of
from .test_front import LEAD, VIEW

APP = "https://app.example.com"


@pytest.fixture
def told(gateway, monkeypatch):
    """Return a function that builds the gateway again with other settings."""

    def rebuilt(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"ONEFUNNEL_{name.upper()}", value)
        document = document_of(gateway.runtime, gateway.services)
        gateway.app = build(gateway.runtime, document).app

    return rebuilt


async def test_what_is_left_is_said_and_too_much_is_refused(gateway, told):
    told(rate_limit="3", rate_window_s="60")
    rep = await gateway.client("rep")
    answers = [await rep.get(f"/v1/leads/{LEAD}") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=3;w=60'}
    left = [answer.headers["ratelimit"] for answer in answers]
    assert [one.split(";")[:2] for one in left] == [['"default"', f"r={n}"] for n in (2, 1, 0, 0)]
    refused = answers[-1]
    assert refused.json()["code"] == "rate-limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert len(gateway.services.seen) == 3


async def test_one_who_asks_too_much_takes_nothing_from_another(gateway, told):
    told(rate_limit="1")
    rep, marketer = await gateway.client("rep"), await gateway.client("marketer")
    assert [(await rep.get(f"/v1/leads/{LEAD}")).status_code for _ in range(2)] == [200, 429]
    assert (await marketer.get(f"/v1/leads/{LEAD}")).status_code == 200


async def test_the_gateways_own_operations_are_counted_too(gateway, told):
    told(rate_limit="1")
    rep = await gateway.client("rep")
    assert [(await rep.get("/v1/me")).status_code for _ in range(2)] == [200, 429]


async def test_too_many_wrong_keys_of_an_address_are_told_to_wait_and_valid_keys_go_on(gateway):
    nobody, rep = await gateway.client(), await gateway.client("rep")
    bad = {"Authorization": "Bearer of_dev_" + "0" * 32 + "_" + "0" * 64}
    for _ in range(20):
        assert (await nobody.get(f"/v1/leads/{LEAD}", headers=bad)).status_code == 401
    refused = await nobody.get(f"/v1/leads/{LEAD}", headers=bad)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert (await rep.get(f"/v1/leads/{LEAD}")).status_code == 200


async def test_a_request_without_a_key_is_no_failure_of_one(gateway, told):
    told(failure_limit="1")
    nobody = await gateway.client()
    assert {(await nobody.get(f"/v1/leads/{LEAD}")).status_code for _ in range(5)} == {401}


async def test_a_link_and_an_address_may_ask_so_much(gateway, told):
    told(visit_limit="2")
    client = await gateway.client()
    here = [await client.post("/v1/t/abc/views", json=VIEW) for _ in range(3)]
    assert [answer.status_code for answer in here] == [200, 200, 429]
    assert here[-1].json()["code"] == "rate-limited"
    assert int(here[-1].headers["retry-after"]) >= 1
    # Another link from the same address, and the same link from another address.
    assert (await client.post("/v1/t/xyz/views", json=VIEW)).status_code == 429
    elsewhere = await gateway.client(address="10.0.0.9")
    assert (await elsewhere.post("/v1/t/abc/views", json=VIEW)).status_code == 429
    assert (await elsewhere.post("/v1/t/uvw/views", json=VIEW)).status_code == 200
    assert len(gateway.services.seen) == 3


async def test_a_page_of_ours_that_is_signed_in_may_send_its_key_along(gateway, told):
    told(frontends=APP)
    client = await gateway.client()
    asked = await client.options(
        "/v1/t/abc/views", headers={"Origin": APP, "Access-Control-Request-Method": "POST"}
    )
    assert "Authorization" in asked.headers["access-control-allow-headers"]


async def test_a_page_of_ours_may_ask_and_read(gateway, told):
    told(frontends=f"{APP}, http://localhost:5173")
    rep = await gateway.client("rep")
    asked = await rep.options(
        "/v1/leads", headers={"Origin": APP, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == APP
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
    answer = await rep.get(f"/v1/leads/{LEAD}", headers={"Origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    assert "RateLimit" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    refused = await rep.get("/v1/nothing", headers={"Origin": APP})
    assert refused.headers["access-control-allow-origin"] == APP
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{APP}.evil.example", "null", "*"])
async def test_a_page_of_anybody_else_may_not(gateway, told, origin):
    told(frontends=APP)
    rep = await gateway.client("rep")
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked = await rep.options("/v1/leads", headers=headers)
    assert asked.status_code == 405
    answer = await rep.get(f"/v1/leads/{LEAD}", headers={"Origin": origin})
    for one in (asked, answer):
        assert "access-control-allow-origin" not in one.headers
        assert one.headers["vary"] == "Origin"


async def test_a_public_page_is_answered_once(gateway, told):
    told(frontends=APP)
    client = await gateway.client()
    answer = await client.post("/v1/t/abc/views", json={"source": "page"}, headers={"Origin": APP})
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "app.example.com", f"{APP}/x"])
def test_an_origin_that_stands_for_all_or_for_none_stops_the_start(origin):
    with pytest.raises(BadOrigin):
        Frontends([origin])
