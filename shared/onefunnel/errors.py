"""Errors a user can cause.

DomainError                  code, kind, detail, pointer
└── by kind (HTTP status is decided once, in `onefunnel.http.problems`):
    INVALID        the request itself is wrong                     422
    RULE           the request is well-formed, a rule forbids it   422
    CONFLICT       the state forbids it                            409
    STALE          somebody else changed it first                  412
    NOT_FOUND      there is no such thing in the caller's view     404
    FORBIDDEN      visible, but not allowed                        403
    UNAVAILABLE    try again later                                 503
"""

from enum import StrEnum


class ErrorKind(StrEnum):
    """What sort of mistake it was; one HTTP status each."""

    INVALID = "invalid"
    RULE = "rule"
    CONFLICT = "conflict"
    STALE = "stale"
    NOT_FOUND = "not-found"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """A rule said no. `code` is a published problem type, `detail` says what to do about it.

    `detail` never repeats the user's input. `pointer` is a JSON pointer to the offending field.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        kind: ErrorKind = ErrorKind.RULE,
        pointer: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = kind
        self.detail = detail
        self.pointer = pointer


class Refused(Exception):
    """What a process stands on is not as it must be, and waiting does not change that: it does not start."""


def not_found(what: str) -> DomainError:
    """Return the one answer for a missing, foreign or invisible object."""
    return DomainError("not-found", f"There is no such {what}.", kind=ErrorKind.NOT_FOUND)


def conflict(detail: str, *, code: str = "conflict") -> DomainError:
    """Return the error for a state that forbids the command."""
    return DomainError(code, detail, kind=ErrorKind.CONFLICT)


def broken_rule(detail: str, *, pointer: str | None = None) -> DomainError:
    """Return the error for a well-formed command that a business rule forbids."""
    return DomainError("business-rule-violated", detail, kind=ErrorKind.RULE, pointer=pointer)


def invalid(detail: str, *, pointer: str | None = None) -> DomainError:
    """Return the error for a value that can never be right."""
    return DomainError("validation-failed", detail, kind=ErrorKind.INVALID, pointer=pointer)
