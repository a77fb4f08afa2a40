"""The catalogue of operations: one OpenAPI document out of the services', and the routes in it.

The merged document is generated, checked in and read at start; no request asks a service what it can do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from gateway.application.exports import TABLES
from gateway.domain.pay import private_parameter
from gateway.domain.rights import MATRIX, Line
from onefunnel.http.paths import PathTree
from onefunnel.http.schema_names import renamed
from onefunnel.reach import ALL

EXTENSION: Final = "x-onefunnel"
METHODS: Final = ("get", "post", "put", "patch", "delete")
EXPORT: Final = "export"
AS_A_FILE: Final = "With `Accept: text/csv` the answer is a file of all rows."
DEFAULT_MAX_BODY_BYTES: Final = 1 << 20

# Services answer with `refs: {kind: [ids]}`; the gateway puts `names: {id: text}` in its place.
_REFS: Final = "refs"
_NAMES: Final = "names"
_NAMES_SCHEMA: Final = {
    "title": "Names",
    "type": "object",
    "description": "What is called how, by id.",
    "additionalProperties": {"type": "string"},
    "example": {"019abf0d-11c4-7b02-8c55-0c8a0b6f2a10": "Anna Example"},
}


class BadCatalogue(Exception):
    """The catalogue cannot be served: an operation is undeclared, unknown to the roles, or there twice."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path: who answers it, and what it does to what."""

    method: str
    path: str
    service: str
    resource: str
    action: str
    operation_id: str
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    public: bool = False  # without a caller: what gives the right is in the path
    private_parameter: str | None = None  # says whose pay is shown
    owned: bool = False  # is about somebody's things, and its service looks whose
    asks: str | None = None  # the service that knows whose, where its own does not
    finer: Mapping[tuple[str, str], str] = field(
        default_factory=dict
    )  # what a query may show as well

    @property
    def is_about_one(self) -> bool:
        """Say whether the path names one object."""
        return "{" in self.path

    @property
    def as_a_file(self) -> "Operation":
        """Return the same question with its answer to be taken along: a right of its own."""
        return replace(self, action=EXPORT)

    def asking_for(self, query: Iterable[tuple[str, str]]) -> "Operation":
        """Return what a query asks for: itself, or what it shows of another resource."""
        resources = [self.finer[pair] for pair in query if pair in self.finer]
        return replace(self, resource=resources[0]) if resources else self


@dataclass(frozen=True, slots=True)
class Match:
    """A path that exists: its operations by method, and what stands in its braces."""

    operations: Mapping[str, Operation]
    parameters: Mapping[str, str]

    @property
    def template(self) -> str:
        """Return the path as the catalogue has it."""
        return next(iter(self.operations.values())).path


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    """Return every operation of a document; raise `BadCatalogue` if one may not be served."""
    found = [
        _operation(method, path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    ids = [operation.operation_id for operation in found]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise BadCatalogue(f"operation ids must be unique: {twice}")
    return found


def _operation(method: str, path: str, described: Mapping[str, Any]) -> Operation:
    where = f"{method.upper()} {path}"
    extension = described.get(EXTENSION)
    if not extension or not {"service", "resource", "action"} <= extension.keys():
        raise BadCatalogue(f"{where} does not declare its service, resource and action")
    resource, action = extension["resource"], extension["action"]
    for asked in (action, EXPORT) if described["operationId"] in TABLES else (action,):
        line = MATRIX.line(resource, asked)
        if line is None:
            raise BadCatalogue(f"{where}: the matrix has no line for {resource}.{asked}")
        _check_promises(where, extension, line)
    for other in extension.get("finer", {}).values():
        if MATRIX.line(other, action) is None:
            raise BadCatalogue(f"{where}: the matrix has no line for {other}.{action}")
    return Operation(
        method=method.upper(),
        path=path,
        service=extension["service"],
        resource=resource,
        action=action,
        operation_id=described["operationId"],
        max_body_bytes=extension.get("max_body_bytes", DEFAULT_MAX_BODY_BYTES),
        public=extension.get("public", False),
        private_parameter=private_parameter(
            resource, {parameter["name"] for parameter in described.get("parameters", ())}
        ),
        owned=extension.get("owned", False),
        asks=extension.get("asks"),
        finer={_pair(text): other for text, other in extension.get("finer", {}).items()},
    )


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _check_promises(where: str, extension: Mapping[str, Any], line: Line) -> None:
    """Refuse a line that is finer than its route: rights that nobody looks at would be no limits."""
    if extension.get("public"):
        return  # has no caller: what gives the right is in its path
    if any(cell.relations != ALL for cell in line.values()) and not extension.get("owned"):
        raise BadCatalogue(f"{where}: its line tells owners apart, the route does not (owned=True)")
    if any(cell.grouped for cell in line.values()) and not extension.get("grouped"):
        raise BadCatalogue(f"{where}: its line has `agg`, the route no groups (grouped=True)")


class RouteTable:
    """Finds the operations of a path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._tree: PathTree[dict[str, Operation]] = PathTree()
        for operation in operations:
            methods = self._tree.at(operation.path, {})
            if operation.method in methods:
                raise BadCatalogue(f"{operation.method} {operation.path} is there twice")
            methods[operation.method] = operation

    def find(self, path: str) -> Match | None:
        """Return what is at `path`, None if there is nothing."""
        found = self._tree.find(path)
        return Match(*found) if found else None


def merged(documents: Sequence[Mapping[str, Any]], info: Mapping[str, str]) -> dict[str, Any]:
    """Return one document of several.

    A path of an earlier document hides the same path of a later one: the gateway comes first.
    Equal schemas are shared; of two that differ under one name the later gets its service's name.
    """
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    responses: dict[str, Any] = {}
    for original in documents:
        document = _told_apart(_composed(original), schemas)
        for path, item in document["paths"].items():
            paths.setdefault(path, {})
            for method, described in item.items():
                paths[path].setdefault(method, _also_as_a_file(described))
        schemas.update(_schemas(document))
        responses.update(document.get("components", {}).get("responses", {}))
    return {
        "openapi": "3.1.0",
        "info": dict(info),
        "security": [{"apiKey": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": dict(sorted(responses.items())),
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of the tenant; `X-API-Key: <key>` is taken too.",
                }
            },
        },
    }


def _also_as_a_file(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the operation, saying so where its answer can be had as a file.

    In words and not as a second type of content: generated clients would have to tell the two apart.
    """
    if described["operationId"] not in TABLES:
        return described
    told = f"{described.get('description', '')}\n\n{AS_A_FILE}".strip()
    return {**described, "description": told}


def _schemas(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document.get("components", {}).get("schemas", {})
    return found


def _told_apart(document: Mapping[str, Any], taken: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with a name of its own for every schema whose name means something else."""
    names = [n for n, schema in _schemas(document).items() if taken.get(n, schema) != schema]
    if not names:
        return document
    services = {
        described[EXTENSION]["service"]
        for item in document["paths"].values()
        for method, described in item.items()
        if method in METHODS and EXTENSION in described
    }
    others = {name: min(services).capitalize() + name for name in names}
    if twice := sorted(taken.keys() & set(others.values())):
        raise BadCatalogue(f"three services mean different things by a schema: {twice}")
    return renamed(document, others)


def _composed(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with what callers see: names where a service answers references."""
    schemas = _schemas(document)
    if not any(_REFS in schema.get("properties", {}) for schema in schemas.values()):
        return document
    found: dict[str, Any] = orjson.loads(orjson.dumps(document))
    for schema in found["components"]["schemas"].values():
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if properties.pop(_REFS, None) is not None:
            properties[_NAMES] = _NAMES_SCHEMA
            required[:] = [_NAMES if name == _REFS else name for name in required]
    for item in found["paths"].values():
        for described in item.values():
            for content in described["responses"].get("200", {}).get("content", {}).values():
                if content.get("example", {}).pop(_REFS, None) is not None:
                    content["example"][_NAMES] = _NAMES_SCHEMA["example"]
    return found
