"""The front door: who gets through, what reaches the services, and what comes back."""

from datetime import UTC, datetime, timedelta

import pytest

from onefunnel.http.client import HEADER as CLIENT
from onefunnel.http.principal import HEADER, Principal, sign_principal
from onefunnel.ids import new_id
from onefunnel.reach import EVERYTHING, NO_RIGHTS

from .conftest import KEY

LEAD = "01a20338-a301-731c-a561-4da147c5d0c7"


async def test_a_request_reaches_its_service_as_the_caller_and_comes_back_as_it_was(gateway):
    client = await gateway.client("marketer")
    answer = await client.post(
        "/v1/leads",
        content=b'{"source": "web"}',
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": "k1",
            "X-Correlation-Id": "run-7",
            "X-Request-Id": "req-1",
        },
    )

    assert answer.status_code == 201
    assert answer.content == b'{"id":"x"}'
    assert answer.headers["event-id"] == "e1"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers.get_list("x-request-id") == ["req-1"]
    (seen,) = gateway.services.seen
    assert seen["body"] == b'{"source": "web"}'
    assert seen["headers"]["idempotency-key"] == "k1"
    assert seen["headers"]["x-correlation-id"] == "run-7"
    assert seen["headers"]["x-request-id"] == "req-1"
    assert seen["principal"].tenant_id == gateway.tenant_id
    assert seen["principal"].role == "marketer"


async def test_what_pretends_to_be_an_identity_never_reaches_a_service(gateway):
    forged = sign_principal(
        Principal(new_id(), "key:evil", "admin"), b"another key", datetime.now(UTC)
    )
    client = await gateway.client("rep")
    await client.get(
        f"/v1/leads/{LEAD}",
        headers={
            HEADER: forged,
            "X-User": "boss",
            "X-Tenant": str(new_id()),
            "X-Forwarded-For": "10.0.0.1",
            "X-Original-URL": "/v1/keys",
            "X-HTTP-Method-Override": "DELETE",
            "Cookie": "session=1",
            "Connection": "keep-alive, Onefunnel-Principal",
        },
    )

    (seen,) = gateway.services.seen
    assert seen["principal"].role == "rep"
    assert seen["method"] == "GET"
    # `httpx` itself adds what a service sees besides.
    assert not {
        "x-user", "x-tenant", "x-forwarded-for", "x-original-url", "cookie", "authorization",
    } & seen["headers"].keys()  # fmt: skip


async def test_hop_by_hop_headers_of_a_service_stay_inside(gateway):
    client = await gateway.client("rep")
    answer = await client.post("/v1/leads", json={"source": "web"})
    assert "server" not in answer.headers
    assert "connection" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "of_dev_" + "0" * 32 + "_" + "0" * 64},
        {"Authorization": "Bearer " + "of_dev_" + "A" * 9000},
        {"Authorization": b"Bearer of_dev_\xff"},
    ],
    ids=str,
)
async def test_without_a_valid_key_nothing_happens(gateway, headers):
    client = await gateway.client()
    answer = await client.get(f"/v1/leads/{LEAD}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert gateway.services.seen == []


async def test_two_credentials_are_one_too_many(gateway):
    client = await gateway.client("rep")
    two = [
        ("Authorization", f"Bearer {gateway.personal['rep']}"),
        ("X-API-Key", gateway.personal["rep"]),
    ]
    client.headers.clear()
    assert (await client.get(f"/v1/leads/{LEAD}", headers=two)).status_code == 401
    twice = [("Authorization", f"Bearer {gateway.personal['rep']}")] * 2
    assert (await client.get(f"/v1/leads/{LEAD}", headers=twice)).status_code == 401


async def test_the_key_may_come_in_either_header(gateway):
    client = await gateway.client()
    answer = await client.get(f"/v1/leads/{LEAD}", headers={"X-API-Key": gateway.personal["rep"]})
    assert answer.status_code == 200


async def test_a_role_that_sees_the_thing_but_may_not_do_this_is_told_so(gateway):
    client = await gateway.client("marketer")
    answer = await client.post(f"/v1/leads/{LEAD}/accept")
    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"
    assert gateway.services.seen == []


async def test_a_role_that_may_not_see_the_thing_learns_nothing_of_it(gateway):
    client = await gateway.client("comp_admin")
    known = await client.get(f"/v1/leads/{LEAD}")
    unknown = await client.get("/v1/leads/not-an-id")
    assert known.status_code == unknown.status_code == 404
    assert known.json()["code"] == "not-found"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/leads/",
        "//v1/leads",
        f"/v1/leads/{LEAD}%2faccept",
        f"/v1/leads/{LEAD}/%2e%2e/accept",
        f"/v1/leads/{LEAD}%00",
        "/internal/names",
        "/internal/tenant",
    ],
)
async def test_a_path_that_is_not_in_the_catalogue_is_not_there(gateway, path):
    client = await gateway.client("admin")
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert gateway.services.seen == []


@pytest.mark.parametrize("method", ["DELETE", "PUT", "FOO", "TRACE", "OPTIONS"])
async def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_takes(gateway, method):
    client = await gateway.client("admin")
    answer = await client.request(method, "/v1/leads")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_service_that_is_down_is_said_to_be(gateway):
    gateway.services.down.add("lead")
    client = await gateway.client("rep")
    answer = await client.get(f"/v1/leads/{LEAD}")
    assert answer.status_code == 503
    assert answer.json()["code"] == "dependency-unavailable"
    assert answer.headers["retry-after"] == "1"


async def test_a_body_over_the_limit_stops_at_the_gateway(gateway):
    client = await gateway.client("rep")

    async def chunks():
        for _ in range(40):
            yield b"x" * 65_536

    for content in (b"x" * (1 << 20) + b"x", chunks()):
        answer = await client.post(
            "/v1/leads", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
    assert gateway.services.seen == []
    assert (await client.post("/v1/leads", json={"source": "web"})).status_code == 201


async def test_names_take_the_place_of_references(gateway):
    client = await gateway.client("manager")
    answer = await client.get("/v1/funnel")
    assert answer.json()["names"]["p1"] == "person p1"
    assert "refs" not in answer.json()
    assert answer.json()["value"] == 1
    assert answer.headers["x-was"] == "kept"
    asked = [seen for seen in gateway.services.seen if seen["path"] == "/internal/names"]
    assert asked[0]["principal"].role == "manager"


async def test_numbers_come_without_names_when_their_owner_is_down(gateway):
    gateway.services.down.update({"lead", "content"})
    client = await gateway.client("manager")
    answer = await client.get("/v1/funnel")
    assert answer.status_code == 200
    assert answer.json() == {"value": 1, "names": {}}


async def test_only_composed_services_are_composed(gateway):
    client = await gateway.client("manager")
    assert (await client.get(f"/v1/leads/{LEAD}")).json() == {"refs": {"person": ["a"]}}


async def test_a_service_does_not_believe_a_principal_we_did_not_sign(gateway):
    import httpx

    transport = httpx.ASGITransport(gateway.services.apps["lead"])
    async with httpx.AsyncClient(transport=transport, base_url="http://lead") as client:
        principal, now = (
            Principal(gateway.tenant_id, "key:x", "admin", None, EVERYTHING),
            datetime.now(UTC),
        )
        good = sign_principal(principal, KEY, now)
        for bad in (
            sign_principal(principal, b"another key", now),
            sign_principal(principal, KEY, now - timedelta(minutes=1)),
            good[:-1] + ("0" if good[-1] != "0" else "1"),
            "." + good.partition(".")[2],
            good.partition(".")[0],
            "",
            "x" * 5000,
        ):
            answer = await client.get(f"/v1/leads/{LEAD}", headers={HEADER: bad})
            assert answer.status_code == 401, bad
        assert (await client.get(f"/v1/leads/{LEAD}", headers={HEADER: good})).status_code == 200


VIEW = {"source": "page"}


async def test_a_public_operation_needs_no_key_and_carries_no_caller(gateway):
    forged = sign_principal(
        Principal(new_id(), "key:evil", "admin"), b"another key", datetime.now(UTC)
    )
    client = await gateway.client()
    answer = await client.post(
        "/v1/t/abc/views",
        json=VIEW,
        headers={"User-Agent": "Firefox", HEADER: forged, "Cookie": "a=1"},
    )

    assert answer.status_code == 200
    (seen,) = gateway.services.seen
    assert seen["principal"] is None
    assert seen["headers"]["user-agent"] == "Firefox"
    assert HEADER.lower() not in seen["headers"]
    assert "cookie" not in seen["headers"]
    assert (await client.get("/v1/t/abc/views")).status_code == 405
    assert (await client.post("/v1/leads", json={"source": "web"})).status_code == 401


async def test_who_is_signed_in_is_told_to_a_public_operation(gateway):
    client = await gateway.client("rep")
    await client.post("/v1/t/abc/views", json=VIEW)
    (seen,) = gateway.services.seen
    assert (seen["principal"].tenant_id, seen["principal"].role) == (gateway.tenant_id, "rep")
    assert seen["principal"].rights == NO_RIGHTS
    assert "authorization" not in seen["headers"]


async def test_a_key_that_is_none_opens_a_public_operation_as_nobody(gateway):
    client = await gateway.client()
    bad = {"Authorization": "Bearer of_dev_" + "0" * 32 + "_" + "0" * 64}
    assert (await client.post("/v1/t/abc/views", json=VIEW, headers=bad)).status_code == 200
    assert gateway.services.seen[0]["principal"] is None


async def test_a_public_operation_learns_what_a_browser_wishes_and_no_address(gateway):
    client = await gateway.client()
    told = {"Sec-GPC": "1", "DNT": "1", "Sec-Purpose": "prefetch", CLIENT: "ab" * 32}
    agents = ("Firefox", "Firefox", "Safari")
    for agent in agents:
        await client.post("/v1/t/abc/views", json=VIEW, headers={**told, "User-Agent": agent})
    one, again, other = (seen["headers"] for seen in gateway.services.seen)
    assert (one["sec-gpc"], one["dnt"], one["sec-purpose"]) == ("1", "1", "prefetch")
    digests = [seen[CLIENT.lower()] for seen in (one, again, other)]
    assert digests[0] == digests[1] != digests[2]
    assert all(len(digest) == 64 and digest != "ab" * 32 for digest in digests)
    assert "127.0.0.1" not in str(one)


async def test_any_page_may_report_a_view_even_while_it_is_being_closed(gateway):
    client = await gateway.client()
    origin = {"Origin": "https://blog.example"}
    asked = await client.options(
        "/v1/t/abc/views", headers={**origin, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "access-control-allow-credentials" not in asked.headers
    beacon = await client.post(
        "/v1/t/abc/views",
        content=b'{"source":"page"}',
        headers={**origin, "Content-Type": "text/plain;charset=UTF-8"},
    )
    assert beacon.status_code == 200
    assert beacon.headers["access-control-allow-origin"] == "*"


async def test_no_other_page_reads_what_needs_a_key(gateway):
    client = await gateway.client("rep")
    origin = {"Origin": "https://blog.example"}
    asked = await client.options("/v1/leads", headers=origin)
    assert asked.status_code == 405
    answer = await client.get(f"/v1/leads/{LEAD}", headers=origin)
    assert "access-control-allow-origin" not in answer.headers
    text = await client.post(
        "/v1/leads", content=b'{"source":"web"}', headers={"Content-Type": "text/plain"}
    )
    assert text.status_code == 415
