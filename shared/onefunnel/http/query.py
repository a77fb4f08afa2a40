"""Query strings: unknown parameters, repeated ones and broken escapes are errors, not surprises."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, get_origin
from urllib.parse import unquote_to_bytes

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onefunnel.http.problems import FieldError, Problem, pointer_of

MAX_PARAMETERS: Final = 64

# name -> may it come more than once
Parameters = Mapping[str, bool]

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def known_parameters(dependant: Dependant) -> Parameters:
    """Return the query parameters that a route and its dependencies take."""
    found: dict[str, bool] = {}
    for parameter in dependant.query_params:
        found |= _named(parameter.alias, parameter.field_info)
    for dependency in dependant.dependencies:
        found |= known_parameters(dependency)
    return found


def check_query(raw: bytes, known: Parameters) -> None:
    """Refuse a query that holds anything this route does not take, or takes only once."""
    if not raw:
        return
    seen: set[str] = set()
    unknown: list[str] = []
    names = [_decoded(pair.partition(b"=")[0]) for pair in raw.split(b"&") if pair]
    if len(names) > MAX_PARAMETERS:
        raise Problem("malformed-request", f"More than {MAX_PARAMETERS} query parameters.")
    _decoded(raw)
    for name in names:
        if name not in known:
            unknown.append(name)
        elif name in seen and not known[name]:
            raise Problem("malformed-request", "A query parameter comes more than once.")
        seen.add(name)
    if unknown:
        raise _unknown(unknown, known)


def _unknown(names: Iterable[str], known: Parameters) -> Problem:
    taken = ", ".join(sorted(known)) or "none"
    detail = f"This path takes no such query parameter. It takes: {taken}."
    errors = [FieldError(pointer_of([name]), "unknown-parameter", detail) for name in names]
    return Problem("validation-failed", "A query parameter is unknown.", errors=errors)


def _decoded(raw: bytes) -> str:
    text = unquote_to_bytes(raw.replace(b"+", b" "))
    if b"\0" in text or _BROKEN_ESCAPE.search(raw):
        raise Problem("malformed-request", "The query string has a broken escape.")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed-request", "The query string is not UTF-8.") from error


def _named(alias: str, field: FieldInfo) -> dict[str, bool]:
    """Return the parameters of one declaration: its own name, or the fields of a model."""
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {one.alias or name: _many(one) for name, one in fields}
    return {alias: _many(field)}


def _many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) in {list, set, tuple, frozenset}
