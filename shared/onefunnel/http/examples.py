"""Examples out of schemas: what the author wrote where they did, else a plain value of the right kind.

The same schema always gives the same example, so that the catalogue does not change by itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_REFERENCE: Final = "#/components/schemas/"
_UUID: Final = "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10"
_MAX_DEPTH: Final = 8

_FORMATS: Final = {
    "uuid": _UUID,
    "date-time": "2026-11-22T09:00:00Z",
    "date": "2026-11-22",
    "binary": "",
}
# For text with a pattern: the first of these that fits.
_TEXTS: Final = ("web", "EUR", "2026-Q1", "2026", "0.08", "proposal", "1", "a", "A1")
_BY_NAME: Final = {
    "channel": "email",
    "code": "default",
    "company": "Acme",
    "email": "anna@example.com",
    "id": "42",
    "key": "42",
    "name": "Anna Example",
    "phone": "+49 30 1234567",
    "reason": "price",
    "region": "emea",
    "segment": "mid-market",
    "source": "web",
    "stage": "proposal",
    "team": "north",
    "time_zone": "Europe/Berlin",
    "url": "https://example.com",
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return an example of `schema`; `schemas` holds what it refers to."""
    return _example(schema, schemas, "", 0)


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return None
    if given := _given(schema):
        return given[0]
    if reference := schema.get("$ref"):
        target = schemas[reference.removeprefix(_REFERENCE)]
        return _example(target, schemas, name, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if options := [one for one in schema.get(key, ()) if one.get("type") != "null"]:
            return _example(options[0], schemas, name, depth + 1)
    return _plain(schema, schemas, name, depth)


def _given(schema: Mapping[str, Any]) -> Sequence[Any]:
    """Return what the author wrote, best first; empty if they wrote nothing."""
    for key in ("examples", "enum"):
        if schema.get(key):
            return list(schema[key])
    return [schema[key] for key in ("example", "const") if key in schema]


def _plain(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, schemas, depth)
    if kind == "array":
        return [_example(schema.get("items", {}), schemas, name, depth + 1)]
    if schema.get("default") is not None:
        return schema["default"]
    if kind == "string":
        return _text(schema, name)
    return {
        "integer": _number(schema, name),
        "number": _number(schema, name),
        "boolean": True,
    }.get(str(kind))


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if properties := schema.get("properties"):
        return {
            name: _example(described, schemas, name, depth + 1)
            for name, described in properties.items()
        }
    values = schema.get("additionalProperties")
    if not isinstance(values, dict) or not values:
        return {}
    key = _UUID if schema.get("propertyNames", {}).get("format") == "uuid" else "key"
    return {key: _example(values, schemas, key, depth + 1)}


def _number(schema: Mapping[str, Any], name: str) -> int | float:
    if name.endswith("_minor"):
        return 125_000
    least: int | float = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    most: int | float = schema.get("maximum", max(1, least))
    return min(max(1, least), most)


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    pattern = schema.get("pattern", "")
    known = (_BY_NAME.get(name, name.replace("_", " ") or "text"), *_TEXTS)
    return next((text for text in known if re.search(pattern, text)), "text")
