"""Query strings: unknown parameters, repeated ones, broken escapes and odd spellings are errors, not surprises."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onefunnel.http.problems import FieldError, Problem, pointer_of

MAX_PARAMETERS: Final = 64


class Spelling(NamedTuple):
    """The one way to write a kind of value."""

    pattern: re.Pattern[str]
    says: str


# Parsers take many, such as `1_0`, ` 1`, `+1` and `01`, or `yes`, `on` and `T`; not all take the same.
WHOLE: Final = Spelling(re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII), "a whole number")
FLAG: Final = Spelling(re.compile("true|false"), "true or false")


class Parameter(NamedTuple):
    """How a query parameter may come: more than once, in one spelling."""

    many: bool = False
    spelling: Spelling | None = None


Parameters = Mapping[str, Parameter]

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def known_parameters(dependant: Dependant) -> Parameters:
    """Return the query parameters that a route and its dependencies take."""
    found: dict[str, Parameter] = {}
    for parameter in dependant.query_params:
        found |= _named(parameter.alias, parameter.field_info)
    for dependency in dependant.dependencies:
        found |= known_parameters(dependency)
    return found


def check_query(raw: bytes, known: Parameters) -> None:
    """Refuse a query that holds what this route does not take, takes only once, or takes in another spelling."""
    if not raw:
        return
    seen: set[str] = set()
    unknown: list[str] = []
    pairs = [pair.partition(b"=")[::2] for pair in raw.split(b"&") if pair]
    if len(pairs) > MAX_PARAMETERS:
        raise Problem("malformed-request", f"More than {MAX_PARAMETERS} query parameters.")
    _decoded(raw)
    named = [(_decoded(name), value) for name, value in pairs]
    for name, _ in named:
        if name not in known:
            unknown.append(name)
        elif name in seen and not known[name].many:
            raise Problem("malformed-request", "A query parameter comes more than once.")
        seen.add(name)
    if unknown:
        raise _unknown(unknown, known)
    if wrong := [name for name, value in named if not _is_spelt(value, known[name].spelling)]:
        raise _misspelt(wrong, known)


def _is_spelt(value: bytes, spelling: Spelling | None) -> bool:
    return spelling is None or bool(spelling.pattern.fullmatch(_decoded(value)))


def _misspelt(names: Iterable[str], known: Parameters) -> Problem:
    says = ((name, known[name].spelling) for name in names)
    errors = [
        FieldError(pointer_of([name]), "spelling", f"must be {spelling.says}")
        for name, spelling in says
        if spelling
    ]
    return Problem("validation-failed", "A query parameter is not valid.", errors=errors)


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


def _named(alias: str, field: FieldInfo) -> dict[str, Parameter]:
    """Return the parameters of one declaration: its own name, or the fields of a model."""
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {one.alias or name: _parameter(one) for name, one in fields}
    return {alias: _parameter(field)}


def _parameter(field: FieldInfo) -> Parameter:
    many = get_origin(field.annotation) in {list, set, tuple, frozenset}
    kinds = get_args(field.annotation) or (field.annotation,)
    spelling = FLAG if bool in kinds else WHOLE if int in kinds else None
    return Parameter(many, spelling)
