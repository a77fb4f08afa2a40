"""What is audited: every write that is not on the list of everyday facts.

A new command is audited unless somebody puts it here, which is where a reviewer looks. What is here
leaves an event that names its actor, in the journal for ever; one row more would say it twice.
"""

from collections.abc import Mapping
from typing import Final

Deed = tuple[str, str]  # the resource and the action that a route declares

_EVERYDAY: Final[Mapping[str, frozenset[str]]] = {
    "lead": frozenset(
        {
            *("create", "update", "assign", "accept", "recycle", "disqualify"),
            *("convert", "merge", "touch", "rate"),
        }
    ),
    "deal": frozenset(
        {
            *("create", "update", "move", "win", "lose", "reopen", "cancel"),
            *("refund", "pay", "correct"),
        }
    ),
    "activity": frozenset({"create"}),
    "account": frozenset({"create", "update"}),
    "campaign": frozenset({"create", "update", "spend"}),
    "content": frozenset({"create", "publish", "retire", "share", "view", "view-by-token", "rate"}),
    "feedback": frozenset({"create", "answer"}),
    "reconciliation": frozenset({"decide"}),
}

# What a body says that an auditor needs and no event tells: codes and ids, never words or secrets.
_TOLD: Final[Mapping[Deed, tuple[str, ...]]] = {
    ("api_key", "create"): ("role", "person_id", "expires_at"),
    ("connection", "create"): ("provider", "source"),
}


def audited(resource: str, action: str) -> bool:
    """Say whether a change of this kind commits with a row of the audit."""
    return action not in _EVERYDAY.get(resource, ())


def told(resource: str, action: str) -> tuple[str, ...]:
    """Return the fields of the body that the row repeats."""
    return _TOLD.get((resource, action), ())
