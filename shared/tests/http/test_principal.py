"""Who a service believes: only what we signed, and all of what it says."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefunnel.http.principal import Principal, read_principal, sign_principal
from onefunnel.http.problems import Problem
from onefunnel.ids import new_id
from onefunnel.reach import RELATIONS, ROLES, Rights

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
RIGHTS = st.builds(
    Rights,
    st.frozensets(st.sampled_from(RELATIONS)),
    st.frozensets(st.sampled_from(RELATIONS)),
    st.booleans(),
    st.booleans(),
)


@given(st.uuids(), st.text(max_size=80), st.sampled_from(ROLES), st.none() | st.uuids(), RIGHTS)
def test_what_was_signed_is_what_is_read(tenant, name, role, person, rights):
    principal = Principal(tenant, name, role, person, rights)
    assert read_principal(sign_principal(principal, KEY, NOW), KEY, NOW) == principal


def refused(header: str, now: datetime = NOW) -> None:
    with pytest.raises(Problem) as caught:
        read_principal(header, KEY, now)
    assert caught.value.status == 401


def test_no_byte_of_it_can_be_changed():
    header = sign_principal(Principal(new_id(), "key:x", "rep", new_id()), KEY, NOW)
    for at in range(len(header)):
        refused(header[:at] + ("a" if header[at] != "a" else "b") + header[at + 1 :])
        refused(header[:at])
        refused(header[:at] + header[at + 1 :])


def test_a_claim_cannot_be_made_with_the_signature_of_another():
    rep = sign_principal(Principal(new_id(), "key:x", "rep"), KEY, NOW)
    text, _, mac = rep.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(text)) | {"r": "admin"}
    forged = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
    refused(f"{forged}.{mac}")


@pytest.mark.parametrize("header", ["", ".", "..", "é.é", "\u0661." + "0" * 64, "x" * 2000])
def test_what_was_never_signed_is_refused(header):
    refused(header)


def test_another_stack_is_not_believed():
    refused(sign_principal(Principal(new_id(), "key:x", "rep"), b"another", NOW))


@pytest.mark.parametrize("seconds", [60, 3600, -31])
def test_what_was_signed_too_long_ago_or_not_yet_speaks_for_nobody(seconds):
    header = sign_principal(Principal(new_id(), "key:x", "rep"), KEY, NOW)
    refused(header, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-30, 0, 59])
def test_it_lives_a_minute_whatever_two_clocks_say(seconds):
    header = sign_principal(Principal(new_id(), "key:x", "rep"), KEY, NOW)
    assert read_principal(header, KEY, NOW + timedelta(seconds=seconds)).role == "rep"
