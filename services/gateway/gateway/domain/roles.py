"""The role table: which role may do which action to which kind of thing. A value, default deny.

This is the first approximation of the full matrix. It knows roles, not relations: a manager is
allowed what a manager may do to reports (whose subtree it is comes later), and the one relation
that is enforced already is one's own pay (`gateway.domain.pay`).
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

# `admin` is the owner of the tenant.
Role = Literal[
    "rep", "marketer", "manager", "executive", "comp_admin", "auditor", "integration", "admin"
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_R: Final[frozenset[Role]] = frozenset({"rep"})
_M: Final[frozenset[Role]] = frozenset({"marketer"})
_G: Final[frozenset[Role]] = frozenset({"manager"})
_X: Final[frozenset[Role]] = frozenset({"executive"})
_C: Final[frozenset[Role]] = frozenset({"comp_admin"})
_A: Final[frozenset[Role]] = frozenset({"auditor"})
_I: Final[frozenset[Role]] = frozenset({"integration"})
_T: Final[frozenset[Role]] = frozenset({"admin"})

_PEOPLE: Final = frozenset(ROLES) - _I
_SELL: Final = _R | _G | _T
_MARKET: Final = _M | _G | _T
_FIELD: Final = _R | _M | _G | _T
_PAY: Final = _C | _T

# resource -> action -> roles. A pair that is not here is allowed to nobody and stops the start.
GRANTS: Final[Mapping[str, Mapping[str, frozenset[Role]]]] = {
    "lead": {
        "read": _FIELD | _A,
        "create": _FIELD | _I,
        "update": _FIELD | _I,
        "assign": _MARKET,
        "accept": _SELL,
        "recycle": _SELL | _M,
        "disqualify": _FIELD,
        "convert": _SELL,
        "merge": _G | _T,
        "touch": _FIELD | _I,
        "rate": _FIELD,
    },
    "deal": {
        "read": _FIELD | _X | _A,
        "create": _SELL | _I,
        "update": _SELL | _I,
        "move": _SELL | _I,
        "win": _SELL | _I,
        "lose": _SELL | _I,
        "reopen": _G | _T,
        "cancel": _G | _T,
        "refund": _G | _PAY | _I,
        "pay": _G | _PAY | _I,
        "correct": _G | _PAY,
    },
    "activity": {"read": _FIELD | _A, "create": _FIELD | _I},
    "tenant": {"read": _PEOPLE, "update": _T},
    "person": {"read": _PEOPLE, "create": _T | _I, "update": _T | _I},
    "account": {"read": _PEOPLE, "create": _FIELD | _I, "update": _FIELD | _I},
    "product": {"read": _PEOPLE, "create": _T | _I, "update": _T | _I},
    "campaign": {
        "read": _PEOPLE,
        "create": _MARKET | _I,
        "update": _MARKET | _I,
        "spend": _MARKET | _I,
    },
    "funnel": {"read": _PEOPLE, "create": _G | _T, "activate": _G | _T},
    "definition": {
        "read": _PEOPLE,
        "create": _MARKET,
        "sign": _FIELD,
        "activate": _G | _T,
    },
    "score": {"read": _FIELD | _A},
    "reconciliation": {"read": _FIELD | _A, "decide": _G | _T},
    "content": {
        "read": _PEOPLE,
        "create": _MARKET,
        "publish": _MARKET,
        "retire": _MARKET,
        "share": _FIELD,
        "view": _FIELD | _I,
        "view-by-token": _FIELD | _I,  # and whoever holds the token: the route is public
        "rate": _FIELD,
    },
    "feedback": {"read": _PEOPLE, "create": _FIELD, "answer": _MARKET},
    "metrics": {"read": _PEOPLE},
    "explanation": {"read": _PEOPLE},
    "plan": {"read": _PEOPLE - _M, "change": _PAY},
    "quota": {"read": _PEOPLE - _M, "set": _PAY | _G},
    "period": {"read": _PEOPLE, "close": _PAY},
    "adjustment": {"read": _PAY | _A, "create": _PAY},
    "statement": {"read": _PEOPLE},
    "ledger": {"read": _PEOPLE},
    "batch": {"create": _I | _T},
    "status": {"read": frozenset(ROLES)},
    "operations": {"read": _T | _A, "change": _T},
    "event": {"read": _PEOPLE},
    "connection": {"read": _T | _A, "create": _T, "update": _T, "replay": _T},
    "webhook_subscription": {
        "read": _T | _A,
        "create": _T,
        "update": _T,
        "delete": _T,
        "replay": _T,
    },
    "webhook": {"deliver": _T | _I},  # and whoever signs for a connection: the route is public
    "api_key": {"read": _T | _A, "create": _T, "revoke": _T},
    "identity": {"read": frozenset(ROLES)},
}


def known(resource: str, action: str) -> bool:
    """Say whether the table has a line for this pair."""
    return action in GRANTS.get(resource, {})


def allowed(role: Role, resource: str, action: str) -> bool:
    """Say whether `role` may do `action` to things of this kind."""
    return role in GRANTS.get(resource, {}).get(action, frozenset())


def permissions(role: Role) -> dict[str, list[str]]:
    """Return everything a role may do, by resource, in a stable order."""
    found = {
        resource: sorted(action for action, roles in actions.items() if role in roles)
        for resource, actions in sorted(GRANTS.items())
    }
    return {resource: actions for resource, actions in found.items() if actions}
