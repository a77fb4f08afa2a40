"""Tokens of an identity provider: the good ones, and every way in which one is forged."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from gateway.main import build
from gateway.settings import GatewaySettings
from onefunnel.ids import new_id

from . import provider as made
from .conftest import document_of
from .provider import Provider, claims, secret_of

ES = {"alg": "ES256", "kid": "ec", "typ": "JWT"}
RS = {"alg": "RS256", "kid": "rsa"}


@pytest_asyncio.fixture
async def idp(gateway, monkeypatch) -> AsyncIterator[Provider]:
    """Let the gateway take the tokens of a provider that serves its keys on loopback."""
    async with made.provider().serving() as served:
        monkeypatch.setenv("ONEFUNNEL_OIDC_ISSUER", made.ISSUER)
        monkeypatch.setenv("ONEFUNNEL_OIDC_AUDIENCE", made.AUDIENCE)
        monkeypatch.setenv("ONEFUNNEL_OIDC_JWKS_URL", served.url)
        gateway.app = build(gateway.runtime, document_of(gateway.runtime, gateway.services)).app
        yield served


async def me(gateway, token: str, **headers: str) -> Any:
    client = await gateway.client()
    return await client.get("/v1/me", headers={"Authorization": f"Bearer {token}", **headers})


@pytest.mark.parametrize("header", [RS, ES, {"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}])
async def test_a_good_token_is_its_user_with_the_rights_of_their_role(gateway, idp, header):
    person = str(new_id())
    now = claims(gateway.tenant_id, time.time(), role="rep", person=person)
    answer = await me(gateway, idp.signed(header, now))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["principal_id"] == "user:auth0|anna"
    assert (said["role"], said["person_id"]) == ("rep", person)
    assert said["tenant"]["id"] == str(gateway.tenant_id)
    client = await gateway.client()
    bearing = {"Authorization": f"Bearer {idp.signed(header, now)}"}
    asked = await client.post("/v1/keys", json={"role": "rep"}, headers=bearing)
    assert asked.status_code == 403


async def test_roles_of_others_beside_one_of_ours_do_not_matter(gateway, idp):
    for roles, status in ((["offline_access", "rep"], 200), (["rep", "admin"], 401), ([], 401)):
        token = idp.signed(ES, claims(gateway.tenant_id, time.time(), role=roles))
        assert (await me(gateway, token)).status_code == status


Case = Callable[[Provider, dict[str, Any], float], str]


def header(**changed: Any) -> Case:
    wanted = {k: v for k, v in {**ES, **changed}.items() if v is not None}
    return lambda idp, good, now: idp.signed(wanted, good, idp.keys["ec"])


def payload(**changed: Any) -> Case:
    return lambda idp, good, now: idp.signed(
        ES, {k: v for k, v in {**good, **changed}.items() if v is not None}
    )


def at(name: str, seconds: float) -> Case:
    return lambda idp, good, now: idp.signed(ES, {**good, name: int(now + seconds)})


def cut(change: Callable[[str], str]) -> Case:
    return lambda idp, good, now: change(idp.signed(ES, good))


def raw(change: Callable[[str], str]) -> Case:
    return lambda idp, good, now: idp.signed(ES, change(json.dumps(good)).encode())


FORGED: dict[str, Case] = {
    "96 one part": cut(lambda token: token.replace(".", "")),
    "96 two parts": cut(lambda token: token.rpartition(".")[0]),
    "96 four parts": cut(lambda token: f"{token}.AAAA"),
    "96 no base64": cut(lambda token: token.replace(".", ".*", 1)),
    "96 padding": cut(lambda token: f"{token}="),
    "96 another spelling of the same bytes": cut(lambda token: token[:-1] + chr(ord(token[-1]) + 1)),
    "96 9 KiB": payload(filler="x" * 9_000),
    "96 no signature": cut(lambda token: token.rpartition(".")[0] + "."),
    "97 none": header(alg="none"),
    "97 None": header(alg="None"),
    "97 nOnE": header(alg="nOnE"),
    "98 the public key as a secret": lambda idp, good, now: idp.signed(
        {"alg": "HS256", "kid": "rsa"}, good, secret_of(idp.keys["rsa"])
    ),
    "99 PS256": lambda idp, good, now: idp.signed({"alg": "PS256", "kid": "rsa"}, good),
    "99 ES256K": lambda idp, good, now: idp.signed({"alg": "ES256K", "kid": "k1"}, good),
    "99 RS512 by an RS256 key": lambda idp, good, now: idp.signed({**RS, "alg": "RS512"}, good),
    "99 the key of another algorithm": lambda idp, good, now: idp.signed(
        {"alg": "RS256", "kid": "ec"}, good, idp.keys["rsa"]
    ),
    "99 a short key": lambda idp, good, now: idp.signed({"alg": "RS256", "kid": "small"}, good),
    "100 an unknown key": header(kid="nobody's"),
    "100 a path": header(kid="../../etc/passwd"),
    "100 SQL": header(kid="' OR 1=1--"),
    "100 10 KiB": header(kid="k" * 10_000),
    "100 no kid": header(kid=None),
    "100 a number": header(kid=1),
    "101 jku": header(jku="http://127.0.0.1/keys"),
    "101 jwk": header(jwk={"kty": "oct", "k": "AAAA"}),
    "101 x5u": header(x5u="http://127.0.0.1/cert"),
    "102 unknown crit": header(crit=["exp2"], exp2=1),
    "102 empty crit": header(crit=[]),
    "102 b64": header(b64=False, crit=["b64"]),
    "103 expired": at("exp", -31),
    "103 not yet": at("nbf", 60),
    "103 issued in the future": at("iat", 60),
    "103 for a year": at("exp", 365 * 86_400),
    "104 another issuer": payload(iss="https://login.example/other"),
    "104 the issuer with a slash": payload(iss=f"{made.ISSUER}/"),
    "104 another audience": payload(aud="https://other.example"),
    "104 ours among others": payload(aud=[made.AUDIENCE, "https://other.example"]),
    "104 no audience": payload(aud=None),
    "105 no exp": payload(exp=None),
    "105 no iat": payload(iat=None),
    "105 no sub": payload(sub=None),
    "105 no tenant": payload(tenant=None),
    "105 no role": payload(role=None),
    "105 a tenant that is none": payload(tenant=str(new_id())),
    "105 a tenant by another spelling": payload(tenant=["main"]),
    "105 an unknown role": payload(role="root"),
    "106 exp as text": payload(exp="9999999999"),
    "106 exp as a float": payload(exp=9999999999.5),
    "106 exp without end": payload(exp=10**18),
    "106 a negative exp": payload(exp=-1),
    "106 exp as true": payload(exp=True),
    "107 a claim twice": raw(lambda text: text[:-1] + ', "role": "rep"}'),
    "107 no object": raw(lambda text: f"[{text}]"),
    "107 NaN": raw(lambda text: text[:-1] + ', "x": NaN}'),
    "110 a refresh token": payload(typ="Refresh"),
    "110 an ID token": payload(nonce="n", at_hash="h"),
    "110 an ID token of another kind": payload(token_use="id"),
    "110 a logout token": header(typ="logout+jwt"),
    "another's signature": lambda idp, good, now: idp.signed(RS, good, RSAKey.generate_key(2048)),
    "another's claims": lambda idp, good, now: _swapped(idp, good),
}  # fmt: skip


def _swapped(idp: Provider, good: dict[str, Any]) -> str:
    head, _, mac = idp.signed(ES, {**good, "role": "rep"}).split(".")
    return f"{head}.{idp.signed(ES, good).split('.')[1]}.{mac}"


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_opens_nothing(gateway, idp, name):
    now = time.time()
    good = claims(gateway.tenant_id, now)
    answer = await me(gateway, FORGED[name](idp, good, now))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["detail"].startswith("Send a valid")  # whatever was wrong with it
    assert idp.asked <= 1  # of its own keys, never of an address in a token
    assert (await me(gateway, idp.signed(ES, good))).status_code == 200


async def test_a_token_goes_in_one_header_once(gateway, idp):
    token = idp.signed(ES, claims(gateway.tenant_id, time.time()))
    client = await gateway.client()
    assert (await client.get("/v1/me", headers={"X-API-Key": token})).status_code == 401
    assert (await me(gateway, token, **{"X-API-Key": gateway.keys["rep"]})).status_code == 401
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert (await client.get("/v1/me", headers=twice)).status_code == 401
    in_query = await client.get(f"/v1/me?access_token={token}")
    assert in_query.status_code == 401


async def test_api_keys_go_on_working_beside_tokens(gateway, idp):
    client = await gateway.client("admin")
    assert (await client.get("/v1/me")).status_code == 200
    assert idp.asked == 0


async def test_unknown_keys_do_not_make_a_storm(gateway, idp):
    now = time.time()
    good = claims(gateway.tenant_id, now)
    tokens = [idp.signed({**ES, "kid": f"k{n}"}, good, idp.keys["ec"]) for n in range(15)]
    answers = await asyncio.gather(*(me(gateway, token) for token in tokens))
    assert {answer.status_code for answer in answers} == {401}
    assert idp.asked == 1


async def test_a_new_key_is_taken_once_the_provider_may_be_asked_again(gateway, idp, monkeypatch):
    now = time.time()
    good = claims(gateway.tenant_id, now)
    assert (await me(gateway, idp.signed(ES, good))).status_code == 200
    idp.keys["new"] = made.ECKey.generate_key("P-256")
    rotated = idp.signed({**ES, "kid": "new"}, good)
    assert (await me(gateway, rotated)).status_code == 401
    monkeypatch.setattr("gateway.adapters.jwks.ASK_AGAIN_S", 0.0)
    assert (await me(gateway, rotated)).status_code == 200
    assert idp.asked == 2


async def test_a_withdrawn_key_opens_nothing_once_the_keys_are_old(gateway, idp, monkeypatch):
    now = time.time()
    token = idp.signed(ES, claims(gateway.tenant_id, now))
    assert (await me(gateway, token)).status_code == 200
    monkeypatch.setattr("gateway.adapters.jwks.FRESH_S", -1.0)
    monkeypatch.setattr("gateway.adapters.jwks.RETRY_S", 0.0)
    withdrawn = idp.signed(ES, claims(gateway.tenant_id, now, sub="bert"))
    del idp.keys["ec"]
    assert (await me(gateway, withdrawn)).status_code == 401


async def test_keys_that_are_known_outlive_a_provider_that_is_down(gateway, idp, monkeypatch):
    now = time.time()
    assert (await me(gateway, idp.signed(ES, claims(gateway.tenant_id, now)))).status_code == 200
    monkeypatch.setattr("gateway.adapters.jwks.FRESH_S", -1.0)
    monkeypatch.setattr("gateway.adapters.jwks.RETRY_S", 0.0)
    idp.silent = True
    again = idp.signed(ES, claims(gateway.tenant_id, now, sub="bert"))
    assert (await me(gateway, again)).status_code == 200


async def test_a_provider_that_never_answered_is_said_to_be_missing(gateway, idp):
    idp.silent = True
    token = idp.signed(ES, claims(gateway.tenant_id, time.time()))
    answer = await me(gateway, token)
    assert answer.status_code == 503
    assert answer.json()["code"] == "dependency-unavailable"


USERS = "/v1/users"


@pytest.mark.parametrize(
    "said",
    [{"disabled": True}, {"refused_roles": ["admin"]}, {"sign_out": True}],
    ids=["108 disabled", "108 role revoked", "108 signed out"],
)
async def test_a_user_who_is_refused_is_refused_at_once(gateway, idp, said):
    token = idp.signed(ES, claims(gateway.tenant_id, time.time()))
    assert (await me(gateway, token)).status_code == 200
    admin = await gateway.client("admin")
    changed = await admin.post(USERS, json={"subject": "auth0|anna", **said})
    assert changed.status_code == 200, changed.text
    assert (await me(gateway, token)).status_code == 401
    other = idp.signed(ES, claims(gateway.tenant_id, time.time(), sub="bert"))
    assert (await me(gateway, other)).status_code == 200
    (listed,) = (await admin.get(USERS)).json()["items"]
    assert listed["subject"] == "auth0|anna"


async def test_a_user_may_come_back_with_a_newer_token(gateway, idp):
    admin = await gateway.client("admin")
    await admin.post(USERS, json={"subject": "auth0|anna", "disabled": True, "sign_out": True})
    await admin.post(USERS, json={"subject": "auth0|anna"})
    old = idp.signed(ES, claims(gateway.tenant_id, time.time() - 5))
    assert (await me(gateway, old)).status_code == 401  # signed out stays signed out
    since = datetime.fromisoformat((await admin.get(USERS)).json()["items"][0]["valid_from"])
    newer = idp.signed(ES, claims(gateway.tenant_id, since.timestamp() + 1))
    assert (await me(gateway, newer)).status_code == 200


async def test_what_is_said_of_a_user_is_said_in_one_tenant(gateway, idp):
    key = await gateway.other_tenant_key()
    client = await gateway.client()
    theirs = {"X-API-Key": key}
    said = {"subject": "auth0|anna", "disabled": True}
    assert (await client.post(USERS, json=said, headers=theirs)).status_code == 200
    token = idp.signed(ES, claims(gateway.tenant_id, time.time()))
    assert (await me(gateway, token)).status_code == 200
    admin = await gateway.client("admin")
    assert (await admin.get(USERS)).json()["items"] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "https://i"},
        {"oidc_jwks_url": "https://i/keys"},
        {"oidc_issuer": "i", "oidc_audience": "a", "oidc_jwks_url": "http://login.example/keys"},
    ],
)
def test_half_a_provider_or_one_that_anybody_can_speak_for_stops_the_start(settings):
    with pytest.raises(ValidationError):
        GatewaySettings(**settings)
