"""What pydantic found wrong, as a problem: places and needs, never values."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onefunnel.http.problems import FieldError, Problem, pointer_of

MAX_ERRORS: Final = 50

# FastAPI says where a value came from; a pointer says where it is in that place.
_SOURCES: Final = frozenset({"body", "query", "path", "header", "cookie"})
_UNION_NOISE: Final = ("function-", "lax-or-strict", "nullable", "constrained-")


def problem_of(found: Sequence[Mapping[str, Any]]) -> Problem:
    """Return `validation-failed` with one entry per error, at most `MAX_ERRORS`."""
    errors = [_error(one) for one in found[:MAX_ERRORS]]
    return Problem("validation-failed", "The request has values that are not valid.", errors=errors)


def _error(one: Mapping[str, Any]) -> FieldError:
    kind = str(one["type"])
    place = _place(one["loc"])
    detail = str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return FieldError(pointer_of(place), kind.replace("_", "-"), detail)


def _place(loc: Sequence[str | int]) -> list[str | int]:
    place = list(loc)
    if place and place[0] in _SOURCES:
        place = place[1:]
    return [part for part in place if not str(part).startswith(_UNION_NOISE)]
