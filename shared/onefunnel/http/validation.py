"""What pydantic found wrong, as a problem: places and needs, never values."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onefunnel.http.problems import FieldError, Problem, pointer_of

MAX_ERRORS: Final = 50

# FastAPI says where a value came from; a pointer says where it is in that place.
_SOURCES: Final = frozenset({"body", "query", "path", "header", "cookie"})
_UNION_NOISE: Final = ("function-", "lax-or-strict", "nullable", "constrained-")


def problem_of(found: Sequence[Mapping[str, Any]], *, sourced: bool = False) -> Problem:
    """Return `validation-failed` with one entry per error, at most `MAX_ERRORS`.

    `sourced` are errors that begin with where the value came from, as FastAPI's do; a field of a body
    may well be called "body" itself.
    """
    errors = [_error(one, sourced=sourced) for one in found[:MAX_ERRORS]]
    return Problem("validation-failed", "The request has values that are not valid.", errors=errors)


def _error(one: Mapping[str, Any], *, sourced: bool) -> FieldError:
    kind = str(one["type"])
    place = _place(one["loc"], sourced=sourced)
    detail = str(one["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return FieldError(pointer_of(place), kind.replace("_", "-"), detail)


def _place(loc: Sequence[str | int], *, sourced: bool) -> list[str | int]:
    place = list(loc)
    if sourced and place and place[0] in _SOURCES:
        place = place[1:]
    return [part for part in place if not str(part).startswith(_UNION_NOISE)]
