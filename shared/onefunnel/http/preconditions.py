"""Optimistic concurrency over HTTP: a resource's ETag is its version, `PATCH` must name the one it saw.

Who sees a resource without names sees another representation, so it has another ETag of the same version.
"""

import re
from typing import Annotated, Final

from fastapi import Depends, Request

from onefunnel.errors import DomainError, ErrorKind
from onefunnel.http.problems import Problem, invalid_value

_ETAG: Final = re.compile(r'"(\d{1,10})(?:-masked)?"', re.ASCII)


def etag_of(version: int, *, masked: bool) -> str:
    """Return the strong ETag of a version, as a caller sees it."""
    return f'"{version}-masked"' if masked else f'"{version}"'


async def if_match(request: Request) -> int:
    """Return the version that the caller has seen; 428 without one, 412 if it can never match."""
    headers = request.headers.getlist("if-match")
    if not headers:
        raise Problem("precondition-required", "Send If-Match with the ETag that you read.")
    if headers == ["*"]:
        raise invalid_value("/If-Match", "wildcard", "If-Match: * would overwrite unseen changes.")
    found = _ETAG.fullmatch(headers[0]) if len(headers) == 1 else None
    if found is None:
        raise Problem("stale-version", "If-Match is not an ETag of this resource.")
    return int(found[1])


IfMatch = Annotated[int, Depends(if_match)]


def check_version(current: int, seen: int) -> None:
    """Raise `stale-version` unless the caller has seen the current version."""
    if current != seen:
        raise DomainError(
            "stale-version",
            "It was changed since you read it; read it again.",
            kind=ErrorKind.STALE,
        )


def not_modified(request: Request, etag: str) -> bool:
    """Say whether the caller has this very version already (`If-None-Match`).

    It may name several, each of them as weak; `*` is whatever there is. What is no ETag names nothing.
    """
    known = ",".join(request.headers.getlist("if-none-match")).strip()
    return known == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
