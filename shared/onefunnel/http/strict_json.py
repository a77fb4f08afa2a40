"""The JSON guard: refuses on the raw bytes what parsers silently repair.

One pass of the standard parser with an object hook finds duplicate keys; everything rare (escapes
of surrogates and NUL, deep nesting) is looked for only where its bytes occur at all. The body is
then validated by pydantic from the same bytes, in JSON mode, so nothing is coerced.
"""

import json
import math
import re
from typing import Any, Final, NoReturn

from onefunnel.http.problems import Problem, invalid_value, pointer_of

MAX_DEPTH: Final = 32
MAX_KEYS: Final = 2_000
MAX_DIGITS: Final = 4_000

_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS: Final = bytes.maketrans(b"{[}]", b"(())")
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"{[}]")


def guard(raw: bytes) -> None:
    """Pass a document that every parser reads alike; raise `malformed-json` on any other."""
    try:
        document = _decoder.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise malformed("The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise malformed("The body is not one JSON document.") from error
    # Only now: on text that is no JSON the pattern of strings could take quadratic time.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(raw)
    if b"\\u" in raw:
        _check_escapes(raw, document)


def malformed(detail: str) -> Problem:
    """Return the problem of a body that is not JSON as we read it."""
    return Problem("malformed-json", detail)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise malformed(f"An object has more than {MAX_KEYS} keys.")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed("An object has the same key twice.")
    return found


def _constant(_name: str) -> NoReturn:
    raise malformed("NaN and Infinity are not JSON.")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise malformed("A number is too large.")
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise malformed("A number has too many digits.")
    return int(text)


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _check_depth(raw: bytes) -> None:
    """Peel one level of brackets at a time, at the speed of `bytes.replace`."""
    brackets = _STRING.sub(b"", raw).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"()", b"")
        if not brackets:
            return
    raise malformed(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _check_escapes(raw: bytes, document: object) -> None:
    if _SURROGATE.search(raw):
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise malformed("A string holds half of a surrogate pair.") from error
    if b"\\u0000" in raw and (place := _place_of_nul(document)) is not None:
        raise invalid_value(pointer_of(place), "nul", "Text may not hold U+0000.")


def _place_of_nul(document: object) -> list[str | int] | None:
    """Return where a U+0000 is; a key that holds one is pointed at by its parent."""
    pending: list[tuple[list[str | int], object]] = [([], document)]
    while pending:
        place, value = pending.pop()
        if isinstance(value, str) and "\0" in value:
            return place
        if isinstance(value, dict):
            if any("\0" in key for key in value):
                return place
            pending.extend(([*place, key], item) for key, item in value.items())
        elif isinstance(value, list):
            pending.extend(([*place, n], item) for n, item in enumerate(value))
    return None
