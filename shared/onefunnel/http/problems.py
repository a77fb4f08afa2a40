"""Problems: RFC 9457 bodies, and the one table that decides an HTTP status.

A body never repeats what was sent: no value, no SQL, no path, no stack.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.responses import Response

from onefunnel.errors import DomainError, ErrorKind

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A published kind of problem: `/problems/<code>` tells people what it means and what to do."""

    status: int
    title: str
    remedy: str


# Published: a code is never removed and never changes its status.
PROBLEMS: Final[Mapping[str, ProblemType]] = {
    "malformed-json": ProblemType(
        400,
        "The body is not JSON as we read it",
        "Send one UTF-8 JSON document without byte order mark, duplicate keys, NaN, Infinity, lone "
        "surrogates or more than 32 levels.",
    ),
    "malformed-request": ProblemType(
        400,
        "The request is malformed",
        "Check the query string, the Host header and header syntax.",
    ),
    "idempotency-key-required": ProblemType(
        400, "An Idempotency-Key is required", "Repeat the request with an Idempotency-Key."
    ),
    "unauthenticated": ProblemType(
        401,
        "Who are you?",
        "Send a valid, unexpired API key as Authorization: Bearer <key> or X-API-Key: <key>.",
    ),
    "invalid-signature": ProblemType(
        401, "The signature is not valid", "Sign the raw body with the current secret."
    ),
    "forbidden": ProblemType(
        403, "You may not do this", "Ask the tenant's owner for a role that may; see GET /v1/me."
    ),
    "not-found": ProblemType(
        404,
        "There is no such thing",
        "Check the id. What you may not see is answered in the same way as what does not exist.",
    ),
    "method-not-allowed": ProblemType(
        405, "This path does not take this method", "The Allow header lists the methods."
    ),
    "not-acceptable": ProblemType(
        406, "We cannot answer in that format", "Accept application/json."
    ),
    "request-timeout": ProblemType(
        408, "The body did not arrive in time", "Send the request again."
    ),
    "conflict": ProblemType(
        409,
        "The present state forbids this",
        "Read the resource again and decide on what it says now.",
    ),
    "event-conflict": ProblemType(
        409, "The same event id came with another body", "Give every event an id of its own."
    ),
    "request-in-progress": ProblemType(
        409,
        "The same request is still being worked on",
        "Wait a moment and repeat it with the same Idempotency-Key.",
    ),
    "period-closed": ProblemType(
        409, "The period is closed", "Post the difference into an open period."
    ),
    "already-decided": ProblemType(409, "This was decided before", "Read the decision."),
    "gone": ProblemType(
        410,
        "It was here and is not any more",
        "There is nothing to do, but to ask whoever sent a link for another.",
    ),
    "stale-version": ProblemType(
        412, "Somebody else changed it first", "Read it again and send If-Match with its new ETag."
    ),
    "payload-too-large": ProblemType(
        413, "The body is too large", "Send less at once; 1 MiB, and 5 MiB for batches."
    ),
    "uri-too-long": ProblemType(414, "The URL is too long", "Stay below 8 KiB."),
    "unsupported-media-type": ProblemType(
        415, "We take JSON only", "Send Content-Type: application/json, in UTF-8."
    ),
    "unsupported-encoding": ProblemType(
        415, "We take uncompressed bodies only", "Send the body without Content-Encoding."
    ),
    "validation-failed": ProblemType(
        422, "A value is not valid", "`errors` lists each offending field and what it needs."
    ),
    "idempotency-key-reused": ProblemType(
        422,
        "This Idempotency-Key was used for another request",
        "Use a new key for a new request.",
    ),
    "unknown-event-type": ProblemType(
        422, "We do not know this type of event", "See the event catalogue."
    ),
    "business-rule-violated": ProblemType(
        422, "A rule forbids this", "`detail` says which rule and what would satisfy it."
    ),
    "unknown-reference": ProblemType(
        422,
        "What is referred to does not exist",
        "`errors` says where the reference is; create what it names first, or correct it.",
    ),
    "too-wide": ProblemType(
        422,
        "The question is too wide",
        "Ask with one group and one filter, or for at most 400 days.",
    ),
    "precondition-required": ProblemType(
        428, "If-Match is required", "Send If-Match with the ETag you read."
    ),
    "rate-limited": ProblemType(429, "Too many at once", "Wait for Retry-After seconds."),
    "headers-too-large": ProblemType(431, "The headers are too large", "Stay below 16 KiB."),
    "internal": ProblemType(
        500,
        "This is our mistake",
        "Report the request id. It is safe to repeat the request with the same Idempotency-Key.",
    ),
    "storage-unavailable": ProblemType(
        503, "The database cannot be reached", "Repeat the request after Retry-After seconds."
    ),
    "outbox-full": ProblemType(
        503,
        "Too many events wait for the event log",
        "Repeat the request after Retry-After seconds, with the same Idempotency-Key.",
    ),
    "projection-behind": ProblemType(
        503,
        "The numbers have not caught up yet",
        "Repeat the read after Retry-After seconds, or read without Wait-For.",
    ),
    "dependency-unavailable": ProblemType(
        503, "A service behind the gateway cannot be reached", "Repeat after Retry-After seconds."
    ),
}

# HTTP status is decided here and nowhere else: a published code has its own, any other its kind's.
STATUS_OF: Final[Mapping[ErrorKind, int]] = {
    ErrorKind.INVALID: 422,
    ErrorKind.RULE: 422,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One offending place: a JSON pointer (or a query parameter's name behind a slash)."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """A request that HTTP itself refuses; the domain raises `DomainError` instead."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})  # RFC 9457 extension members, such as `lag_events`

    @property
    def status(self) -> int:
        """The published status of the code."""
        return PROBLEMS[self.code].status


def pointer_of(place: Sequence[str | int]) -> str:
    """Return the JSON pointer of a place, cut before the first key that is not a plain word.

    A key is input too: one that could not be a field's name is never repeated.
    """
    pointer = ""
    for part in place:
        if isinstance(part, str) and not _WORD.fullmatch(part):
            break
        pointer += f"/{part}"
    return pointer


def invalid_value(pointer: str, code: str, detail: str) -> Problem:
    """Return the problem of one value that can never be right."""
    return Problem("validation-failed", detail, errors=[FieldError(pointer, code, detail)])


def status_of(error: DomainError) -> int:
    """Return the one HTTP status of a domain error."""
    known = PROBLEMS.get(error.code)
    return known.status if known else STATUS_OF[error.kind]


def body_of(error: Problem | DomainError, request_id: str | None = None) -> dict[str, object]:
    """Return the problem document of an error: what a response and a batch item carry."""
    if isinstance(error, Problem):
        found = document(error.code, error.status, error.detail, error.errors, request_id)
        return {**error.more, **found}
    errors = [FieldError(error.pointer, error.code, error.detail)] if error.pointer else []
    return document(error.code, status_of(error), error.detail, errors, request_id)


def document(
    code: str,
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    request_id: str | None = None,
) -> dict[str, object]:
    """Build one RFC 9457 document."""
    known = PROBLEMS.get(code)
    found: dict[str, object] = {
        "type": f"/problems/{code}",
        "title": known.title if known else code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if request_id:
        found["instance"] = f"/requests/{request_id}"
        found["request_id"] = request_id
    if errors:
        found["errors"] = [
            {"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in errors
        ]
    return found


def problem_response(error: Problem | DomainError, request_id: str | None = None) -> Response:
    """Turn an error into its answer."""
    status = error.status if isinstance(error, Problem) else status_of(error)
    headers = dict(error.headers) if isinstance(error, Problem) else {}
    if status in {429, 503}:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    content = orjson.dumps(body_of(error, request_id))
    return Response(content, status, headers, media_type=MEDIA_TYPE)


def described(code: str) -> dict[str, object] | None:
    """Return what `GET /problems/<code>` says, None for a code that was never published."""
    known = PROBLEMS.get(code)
    if known is None:
        return None
    return {
        "type": f"/problems/{code}",
        "code": code,
        "status": known.status,
        "title": known.title,
        "remedy": known.remedy,
    }
