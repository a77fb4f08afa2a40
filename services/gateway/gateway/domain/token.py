"""What a token of an identity provider must say, and whom it then speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from onefunnel.reach import ROLES, Role

LEEWAY_S: Final = 30
MAX_SUBJECT: Final = 200
_LAST_SECOND: Final = 1 << 40  # no clock shows it, and no arithmetic on it overflows
# What says that a token was made for something else: to sign somebody in, or to be changed for another.
_OF_ANOTHER_USE: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})


class BadToken(Exception):
    """The token speaks for nobody. Why is for our own log; the caller is told nothing."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are taken, made for whom, and which claims say what."""

    issuer: str
    audience: str
    max_life_s: int
    tenant_claim: str
    role_claim: str
    person_claim: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token speaks for, as its issuer says."""

    tenant_id: UUID
    subject: str
    role: Role
    person_id: UUID | None
    issued_at: int
    expires_at: int


def identity_of(claims: Mapping[str, Any], rules: TokenRules, now: datetime) -> Identity:
    """Return whom verified claims speak for at `now`, or raise `BadToken`."""
    if claims.get("iss") != rules.issuer:
        raise BadToken("iss")
    if claims.get("aud") not in (rules.audience, [rules.audience]):
        raise BadToken("aud")
    if claims.get("typ", "Bearer") != "Bearer" or claims.get("token_use", "access") != "access":
        raise BadToken("typ")
    if _OF_ANOTHER_USE & claims.keys():
        raise BadToken("use")
    issued_at, expires_at = _times(claims, rules, int(now.timestamp()))
    return Identity(
        tenant_id=_id(claims.get(rules.tenant_claim), "tenant"),
        subject=_text(claims.get("sub")),
        role=_role(claims.get(rules.role_claim)),
        person_id=_id(found, "person") if (found := claims.get(rules.person_claim)) else None,
        issued_at=issued_at,
        expires_at=expires_at,
    )


def _times(claims: Mapping[str, Any], rules: TokenRules, now_s: int) -> tuple[int, int]:
    expires_at, issued_at = _second(claims.get("exp")), _second(claims.get("iat"))
    not_before = _second(claims.get("nbf", issued_at))
    if now_s >= expires_at + LEEWAY_S:
        raise BadToken("exp")
    if max(issued_at, not_before) > now_s + LEEWAY_S:
        raise BadToken("nbf")
    if not 0 < expires_at - issued_at <= rules.max_life_s:
        raise BadToken("life")
    return issued_at, expires_at


def _second(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LAST_SECOND:
        raise BadToken("time")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT or not value.isprintable():
        raise BadToken("sub")
    return value


def _id(value: object, what: str) -> UUID:
    try:
        return UUID(value) if isinstance(value, str) else _none(what)
    except ValueError as error:
        raise BadToken(what) from error


def _none(what: str) -> UUID:
    raise BadToken(what)


def _role(value: object) -> Role:
    """Return the one role of ours; a list may hold words of others, and not two of ours."""
    words = value if isinstance(value, list) else [value]
    found = [role for role in ROLES if role in words]
    if len(found) != 1:
        raise BadToken("role")
    return found[0]
