"""The OpenAPI of one service as people should read it: errors by their codes, headers, examples.

FastAPI describes bodies and parameters; what every route does by its kind (strict JSON, keys,
preconditions) is added here once, so that no route has to repeat it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi

from onefunnel.http.examples import example_of
from onefunnel.http.preconditions import if_match
from onefunnel.http.problems import MEDIA_TYPE, PROBLEMS
from onefunnel.http.routing import EXTENSION, StrictRoute
from onefunnel.http.schema_names import well_named

_RESPONSES: Final = "#/components/responses/"
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM_SCHEMA: Final = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457. `code` is stable; `GET /problems/{code}` says what to do about it.",
    "required": ["type", "title", "status", "detail", "code"],
    "example": {
        "type": "/problems/validation-failed",
        "title": "A value is not valid",
        "status": 422,
        "detail": "The request has values that are not valid.",
        "code": "validation-failed",
        "instance": "/requests/019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
        "request_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
        "errors": [
            {"pointer": "/name", "code": "missing", "detail": "Field required"},
        ],
    },
    "properties": {
        "type": {"type": "string", "examples": ["/problems/validation-failed"]},
        "title": {"type": "string"},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["validation-failed"]},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["/name"]},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "Kept 30 days: a repeat with the same key has no second effect and gets the same answer.",
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that you read.",
    "example": '"3"',
}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "ETags that you have: with the present one among them there is no body, and 304.",
    "example": '"3"',
}
_UNCHANGED: Final = {"description": "You have the present version."}
_VERSION: Final = {"ETag": {"description": "The version.", "schema": {"type": "string"}}}
_WRITE_HEADERS: Final = {
    "Event-Id": {
        "description": "The last event this published; send it as Wait-For to read your write.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "ETag": {"description": "The new version.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` if this answer was given before.",
        "schema": {"type": "string"},
    },
}
# Instead of what FastAPI says of every answer.
_UNSAID: Final = "Successful Response"
_SAID: Final = {
    "200": "What was asked for.",
    "201": "It was made.",
    "202": "It was taken, and is worked on.",
    "204": "It was done.",
}
_METRICS: Final = "metrics"
_OF_A_WRITE: Final = (
    "malformed-json", "payload-too-large", "request-timeout", "unsupported-media-type",
    "unsupported-encoding", "validation-failed", "conflict", "already-decided", "gone",
    "business-rule-violated", "unknown-reference",
)  # fmt: skip
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})
# What you may not see is answered like what is not there, so `not-found` may come from anywhere.
_ANYWHERE: Final = (
    "malformed-request", "not-found", "not-acceptable", "uri-too-long", "headers-too-large",
    "rate-limited", "storage-unavailable", "dependency-unavailable", "internal",
)  # fmt: skip


def document_of(app: FastAPI, routes: Sequence[StrictRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of a service; equal code gives an equal document."""
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", routes=routes
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM_SCHEMA
    for route in routes:
        if route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                _finish(operation, method.lower(), route, schemas)
    for item in document["paths"].values():
        _version_reads(item)
    document["components"]["responses"] = _shared_responses(document)
    return well_named(document)


def _version_reads(item: Mapping[str, Any]) -> None:
    """Say of what is changed with `If-Match` that it is read with its ETag."""
    parameters = [one for operation in item.values() for one in operation.get("parameters", ())]
    if "get" not in item or not any(one["name"] == _IF_MATCH["name"] for one in parameters):
        return
    read = item["get"]
    read["parameters"] = [*read.get("parameters", ()), dict(_IF_NONE_MATCH)]
    read["responses"]["200"]["headers"] = dict(_VERSION)
    read["responses"]["304"] = dict(_UNCHANGED)


def _shared_responses(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the problem answers that the operations refer to; one list of codes is written once."""
    names = {
        response["$ref"].removeprefix(_RESPONSES)
        for item in document["paths"].values()
        for operation in item.values()
        for response in operation["responses"].values()
        if "$ref" in response
    }
    return {name: _problem(name.split("_")) for name in sorted(names)}


def _finish(
    operation: dict[str, Any], method: str, route: StrictRoute, schemas: Mapping[str, Any]
) -> None:
    preconditioned = if_match in _calls(route.dependant)
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    for parameter in parameters:
        parameter["schema"] = _given(parameter["schema"])
    keeps = _keeps_answers(operation, method)
    if keeps:
        parameters.append(dict(_IDEMPOTENCY_KEY))
    if preconditioned:
        parameters.append(dict(_IF_MATCH))
    if not parameters:
        del operation["parameters"]
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if response["description"] == _UNSAID:
            response["description"] = _SAID[status]
        if keeps and status.startswith("2"):
            response["headers"] = {**_WRITE_HEADERS, **response.get("headers", {})}
    _add_examples(operation, schemas)
    responses.update(_problems(operation, method, route.path_format, preconditioned=preconditioned))


def _problems(
    operation: Mapping[str, Any], method: str, path: str, *, preconditioned: bool
) -> dict[str, dict[str, Any]]:
    """Return the problem answers of an operation, by status."""
    codes = [*_ANYWHERE, *_of_its_kind(operation, method)]
    parameters = operation.get("parameters", ())
    if not _is_public(operation):
        codes += ["unauthenticated", "forbidden"]
    if "{" in path:
        codes += ["gone"]
    if {parameter["in"] for parameter in parameters} & {"query", "header"}:
        codes += ["validation-failed"]
    if preconditioned:
        codes += ["stale-version", "precondition-required"]
    if any(parameter["name"] == "Wait-For" for parameter in parameters):
        codes += ["projection-behind"]
    by_status: dict[str, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(str(PROBLEMS[code].status), []).append(code)
    return {
        status: {"$ref": _RESPONSES + _named(codes_)}
        for status, codes_ in sorted(by_status.items())
    }


def _of_its_kind(operation: Mapping[str, Any], method: str) -> list[str]:
    """Return the codes of a read, or of a write with its body and its key."""
    measures = operation[EXTENSION]["service"] == _METRICS
    if method not in _WRITES:
        return ["too-wide"] if measures else []
    codes = [*_OF_A_WRITE]
    if measures:
        codes += ["period-closed"]
    if _is(operation, "raw"):
        codes += ["invalid-signature"]
    if _keeps_answers(operation, method):
        codes += ["request-in-progress", "idempotency-key-reused", "outbox-full"]
    return codes


def _given(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter where it is given: one that is left out is left out, not null."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) != 1:
        return dict(schema)
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}


def _keeps_answers(operation: Mapping[str, Any], method: str) -> bool:
    """Say whether a repeat with the same key gets the same answer: a write, and a caller whose key it is."""
    return method in _WRITES and not (_is_public(operation) or _is(operation, "unkeyed"))


def _is(operation: Mapping[str, Any], mark: str) -> bool:
    return bool(operation.get(EXTENSION, {}).get(mark))


def _is_public(operation: Mapping[str, Any]) -> bool:
    """Say whether nobody is asked for a key."""
    return operation.get("security") == []


def _named(codes: Iterable[str]) -> str:
    return "_".join(sorted(codes))


def _problem(codes: Iterable[str]) -> dict[str, Any]:
    names = ", ".join(f"`{code}`" for code in sorted(codes))
    return {"description": names, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _add_examples(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    places = [operation.get("requestBody", {})]
    places += [r for status, r in operation["responses"].items() if status.startswith("2")]
    for place in places:
        for media, content in place.get("content", {}).items():
            schema = content.get("schema")
            if media == "application/json" and schema and "example" not in content:
                content["example"] = example_of(schema, schemas)


def _calls(dependant: Dependant) -> set[Any]:
    found = {dependant.call}
    for dependency in dependant.dependencies:
        found |= _calls(dependency)
    return found
