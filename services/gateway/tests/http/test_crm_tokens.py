"""Tokens that end: renewed before they do, once when refused, by one process; a refusal is for a person."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.crm_api import CrmHttp
from gateway.application.sealing import Seal
from gateway.domain.crm_api.apis import Addresses
from gateway.domain.crm_api.calls import Reply
from gateway.domain.crm_api.tokens import Credentials, Given, asked_for, given_by

from .conftest import KEY
from .crm import ORGANIZATION
from .crm_work import Work, a_deal, changed
from .test_crm_reading import GUID, codes
from .test_webhooks import connected, deal_stage, rows, send, told
from .vendors import TOKEN, FakeCrm, serving

pytestmark = pytest.mark.usefixtures("loopback")

EACH = ("hubspot", "salesforce", "zoho", "pipedrive", "dynamics")
SETTINGS = {"salesforce": {"settings": {"organization_id": ORGANIZATION}}}


def by_oauth(crm: FakeCrm, **changed: Any) -> dict[str, Any]:
    client_id, client_secret = crm.client
    oauth = {"client_id": client_id, "client_secret": client_secret}
    if crm.refresh_token:
        oauth["refresh_token"] = crm.refresh_token
    if crm.provider == "dynamics":
        oauth["directory"] = GUID
    return {"url": crm.url, "oauth": {**oauth, **changed}}


async def shown(gateway: Any, to: Any) -> dict[str, Any]:
    admin = await gateway.client("admin")
    return dict((await admin.get(f"/v1/connections/{to.id}")).json())


async def ends_in(gateway: Any, seconds: int) -> None:
    """Let the token end so soon, and the lane be free."""
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    path = "'{token,expires_at}'"
    await changed(
        gateway, f"UPDATE connection SET access = jsonb_set(access, {path}, to_jsonb('{at}'::text))"
    )


async def hinted(gateway: Any, crm: FakeCrm) -> Any:
    """Connect by OAuth and receive a hint that a deal changed."""
    crm.put("deals", "18822031177", **a_deal())
    to = await connected(gateway, "hubspot", api=by_oauth(crm))
    await send(gateway, to.sent(deal_stage()))
    return to


@pytest.mark.parametrize("provider", EACH)
async def test_every_crm_gives_a_token_before_it_is_asked_anything(gateway, provider):
    async with serving(FakeCrm(provider, oauth=True)) as crm:
        to = await connected(gateway, provider, api=by_oauth(crm), **SETTINGS.get(provider, {}))
        await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
        ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
        work = Work(gateway, ask)
        assert await work.one()
        assert [one.path for one in crm.asked] == [one.path for one in crm.token_questions]
        api = (await shown(gateway, to))["api"]
        assert api["oauth"] == "refresh_token"
        left = datetime.fromisoformat(api["token_ends_at"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(hours=1)
        await ask.close()


@pytest.mark.parametrize("provider", ["salesforce", "dynamics"])
async def test_a_client_with_rights_of_its_own_needs_no_refresh_token(gateway, provider):
    async with serving(FakeCrm(provider, oauth=True, refresh_token=None)) as crm:
        await connected(gateway, provider, api=by_oauth(crm), **SETTINGS.get(provider, {}))
        await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
        ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
        assert await Work(gateway, ask).one()
        (question,) = crm.token_questions
        assert question.body["grant_type"] == "client_credentials"
        if provider == "dynamics":
            assert question.path == f"/{GUID}/oauth2/v2.0/token"
            assert question.body["scope"] == f"{crm.url}/.default"
        await ask.close()


async def test_a_token_is_renewed_before_it_ends_and_not_each_time(gateway, work, hubspot):
    await hinted(gateway, hubspot)
    assert await work.all() == 2
    assert (hubspot.given, len(await told(gateway))) == (1, 2)
    await ends_in(gateway, 299)
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.one()
    assert hubspot.given == 2
    await work.one()
    assert hubspot.given == 2
    assert hubspot.asked[-1].headers["authorization"] == f"Bearer {TOKEN} 2"


async def test_a_token_that_is_refused_is_renewed_once_and_nothing_has_failed(
    gateway, work, hubspot
):
    to = await hinted(gateway, hubspot)
    await work.one()
    hubspot.token = "revoked at the vendor"
    assert await work.all() == 3, "asked, renewed, asked again"
    assert (hubspot.given, len(await told(gateway))) == (2, 2)
    assert await codes(gateway, to) == [[], []]
    assert (await shown(gateway, to))["attention"] is None
    (lane,) = await rows(gateway, "SELECT failures, trouble FROM crm_lane")
    assert (lane["failures"], lane["trouble"]) == (0, None)


async def test_a_new_token_that_is_refused_too_is_for_a_person_and_is_no_storm(
    gateway, work, hubspot
):
    to = await hinted(gateway, hubspot)
    await work.one()
    hubspot.answers += [(401, {}, {})]
    await work.one()
    await work.one()
    hubspot.answers += [(401, {}, {})] * 5
    for _ in range(5):
        await work.one()
    assert hubspot.given == 2
    found = (await shown(gateway, to))["attention"]
    assert found["code"] == "token-refused"
    await work.all()
    assert (await shown(gateway, to))["attention"] is None
    assert len(await told(gateway)) == 2


async def test_a_refresh_token_that_is_given_anew_is_the_one_that_is_used(gateway, work, hubspot):
    hubspot.rotates = True
    await hinted(gateway, hubspot)
    for n in range(3):
        await ends_in(gateway, 0) if n else None
        await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
        assert await work.one()
    assert [one.body["refresh_token"] for one in hubspot.token_questions] == [
        "a refresh token 0", "a refresh token 1", "a refresh token 2",
    ]  # fmt: skip


@pytest.mark.parametrize("provider", ["hubspot", "zoho"])
async def test_a_refused_refresh_token_is_seen_and_a_new_one_puts_it_right(gateway, provider):
    async with serving(FakeCrm(provider, oauth=True)) as crm:
        api = by_oauth(crm, refresh_token="a revoked token")
        to = await connected(gateway, provider, api=api)
        await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
        ask = CrmHttp(Addresses(loopback=True), Seal(KEY))
        work = Work(gateway, ask)
        await work.one()
        found = (await shown(gateway, to))["attention"]
        assert (found["code"], found["detail"]) == (
            "grant-refused", "The CRM does not renew the token: invalid_grant."
        )  # fmt: skip
        await work.one()
        assert (await shown(gateway, to))["attention"] == found, "since when is kept"
        assert len(crm.asked) == len(crm.token_questions) == 2
        admin = await gateway.client("admin")
        body = {"api": by_oauth(crm)}
        path = f"/v1/connections/{to.id}"
        mended = await admin.patch(path, json=body, headers={"If-Match": '"1"'})
        assert (mended.status_code, mended.json()["attention"]) == (200, None)
        await work.one()
        assert crm.given == 1
        assert (await shown(gateway, to))["attention"] is None
        await ask.close()


async def test_a_token_endpoint_that_is_away_is_waited_for(gateway, work, hubspot):
    to = await hinted(gateway, hubspot)
    hubspot.answers += [(503, {}, {}), (429, {"Retry-After": "7"}, {}), (200, {}, {})]
    for _ in range(3):
        await work.one()
    assert (await shown(gateway, to))["attention"] is None
    (lane,) = await rows(gateway, "SELECT failures, trouble FROM crm_lane")
    assert (lane["failures"], lane["trouble"]) == (2, "crm-unavailable")
    await work.all()
    assert len(await told(gateway)) == 2


async def test_several_workers_ask_for_one_token(gateway, work, hubspot):
    await hinted(gateway, hubspot)
    others = [Work(gateway, work.ask) for _ in range(5)]
    await asyncio.gather(*(other.worker.turn() for other in others))
    assert (hubspot.given, len(hubspot.token_questions)) == (1, 1)


async def test_an_access_that_was_given_meanwhile_is_not_written_over(gateway, work, hubspot):
    to = await hinted(gateway, hubspot)

    async def slow(connection: Any, call: Any) -> Any:
        reply = await work.ask(connection, call)
        admin = await gateway.client("admin")
        body = {"api": {"token": "a token by hand", "url": hubspot.url}}
        path = f"/v1/connections/{to.id}"
        assert (await admin.patch(path, json=body, headers={"If-Match": '"1"'})).is_success
        return reply

    await Work(gateway, slow).one()
    api = (await shown(gateway, to))["api"]
    assert (api["oauth"], api["token_ends_at"]) == (None, None)


async def test_a_token_is_kept_though_the_lane_was_lost(gateway, work, hubspot):
    hubspot.rotates = True
    await hinted(gateway, hubspot)

    async def sleeps(connection: Any, call: Any) -> Any:
        reply = await work.ask(connection, call)
        await changed(gateway, "UPDATE crm_lane SET epoch = epoch + 1, leased_until = '-infinity'")
        return reply

    await Work(gateway, sleeps).one()
    assert await work.all() == 1, "the record is read with the token that was given"
    assert hubspot.given == 1


async def test_what_is_secret_is_in_no_answer_no_table_and_no_log(gateway, work, hubspot, capfd):
    to = await hinted(gateway, hubspot)
    hubspot.rotates = True
    await work.all()
    hubspot.refresh_token = None
    await ends_in(gateway, 0)
    await changed(gateway, "UPDATE crm_lane SET reconcile_at = now()")
    await work.one()
    assert (await shown(gateway, to))["attention"]["code"] == "grant-refused"
    said = capfd.readouterr()
    admin = await gateway.client("admin")
    read = await admin.get("/v1/connections")
    kept = [
        str(await rows(gateway, f"SELECT t::text FROM {table} t"))
        for table in ("connection", "crm_lane", "idempotency", "audit")
    ]
    for secret in (hubspot.client[1], "a refresh token", TOKEN):
        assert not any(secret in text for text in (*kept, read.text, said.out, said.err)), secret


@pytest.mark.parametrize(("provider", "api", "pointer"), [
    ("hubspot", {}, "/api"),
    ("hubspot", {"token": "12345678", "oauth": {}}, "/api"),
    ("hubspot", {"oauth": {"refresh_token": None}}, "/api/oauth/refresh_token"),
    ("hubspot", {"oauth": {"directory": "x"}}, "/api/oauth/directory"),
    ("dynamics", {"oauth": {}}, "/api/oauth/directory"),
])  # fmt: skip
async def test_access_that_cannot_work_is_refused(gateway, provider, api, pointer):
    if "oauth" in api:
        client = {"client_id": "c", "client_secret": "12345678", "refresh_token": "12345678"}
        api = {**api, "oauth": {**client, **api["oauth"]}}
    admin = await gateway.client("admin")
    body = {"provider": provider, "name": "CRM", "public_url": "https://a.b", "secret": "12345678"}
    url = {"url": "https://acme.crm4.dynamics.com"} if provider == "dynamics" else {}
    answer = await admin.post("/v1/connections", json={**body, "api": {**api, **url}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


SHOWN = Credentials("c:1", "s&2", "r", "contoso.example")


@pytest.mark.parametrize(("provider", "url", "at"), [
    ("hubspot", "https://api.hubapi.com", "https://api.hubapi.com/oauth/v1/token"),
    ("salesforce", "https://acme.my.salesforce.com",
     "https://acme.my.salesforce.com/services/oauth2/token"),
    ("zoho", "https://www.zohoapis.com", "https://accounts.zoho.com/oauth/v2/token"),
    ("zoho", "https://www.zohoapis.eu", "https://accounts.zoho.eu/oauth/v2/token"),
    ("zoho", "https://www.zohoapis.com.au", "https://accounts.zoho.com.au/oauth/v2/token"),
    ("zoho", "https://www.zohoapis.ca", "https://accounts.zohocloud.ca/oauth/v2/token"),
    ("pipedrive", "https://acme.pipedrive.com", "https://oauth.pipedrive.com/oauth/token"),
    ("dynamics", "https://acme.crm4.dynamics.com",
     "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"),
    ("dynamics", "https://acme.crm9.microsoftdynamics.us",
     "https://login.microsoftonline.us/contoso.example/oauth2/v2.0/token"),
    ("zoho", "https://crm.own.example", "https://crm.own.example/oauth/v2/token"),
])  # fmt: skip
def test_a_token_is_asked_for_where_the_vendor_gives_it(provider, url, at):
    call = asked_for(provider, url, SHOWN)
    assert f"{call.base}{call.path}" == at
    assert "s&2" not in repr(call)


@pytest.mark.parametrize(("body", "life_s"), [
    (b'{"access_token":"t","expires_in":1800}', 1800),
    (b'{"access_token":"t","expires_in":"3599"}', 3599),
    (b'{"access_token":"t","expires_in_sec":3600,"expires_in":3600000}', 3600),
    (b'{"access_token":"t","expires_in":9999999999}', 86_400),
    (b'{"access_token":"t"}', None),
])  # fmt: skip
def test_the_life_of_a_token_is_what_the_vendor_says_in_bounds(body, life_s):
    assert given_by(Reply(200, {}, body)) == Given("t", life_s, None)


@pytest.mark.parametrize(("status", "body", "word"), [
    (400, b'{"error":"invalid_grant","error_description":"t0p-secret"}', "invalid_grant"),
    (200, b'{"error":"invalid_code"}', "invalid_code"),
    (401, b"<html>no</html>", "status 401"),
    (400, b'{"error":"t0p-secret <b>"}', "status 400"),
    (403, b'{"access_token":"t"}', "status 403"),
])  # fmt: skip
def test_a_refusal_is_told_in_one_word_of_the_standard(status, body, word):
    assert given_by(Reply(status, {}, body)) == word
