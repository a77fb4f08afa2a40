"""Write or check what is generated from the events: JSON Schemas, examples, the catalogue in docs/events.

    python -m onefunnel.events.publish           write
    python -m onefunnel.events.publish --check   fail where the tree is not in step

A schema file, once written, is never written again: an additive change adds `1.1.json` beside
`1.0.json`, a breaking one is refused.
"""

import json
import sys
from pathlib import Path

from onefunnel.events import CATALOGUE
from onefunnel.events.asyncapi import asyncapi_document, readable_page
from onefunnel.events.catalogue import EventSpec
from onefunnel.events.compatibility import Schema, breaks
from onefunnel.events.examples import example

SCHEMAS = Path(__file__).parent / "schemas"
DOCS = Path(__file__).parents[3] / "docs" / "events"


class Incompatible(Exception):
    """An event class was changed in a way that published events or their readers do not survive."""


def published(spec: EventSpec) -> list[Path]:
    """Return the schema files of a type, oldest first."""
    return sorted((SCHEMAS / spec.type).glob("1.*.json"), key=lambda p: int(p.stem.split(".")[1]))


def schema_of(spec: EventSpec) -> Schema:
    """Return the JSON Schema 2020-12 of an event's data, with its example."""
    schema = spec.model.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "examples": [example(spec.model)],
    }


def pending(spec: EventSpec) -> tuple[Path, Schema] | None:
    """Return the schema file that a changed event class needs, or None where nothing changed."""
    schema, files = schema_of(spec), published(spec)
    if files and json.loads(files[-1].read_text()) == schema:
        return None
    for file in files:
        if found := breaks(json.loads(file.read_text()), schema):
            raise Incompatible(f"{spec.type}: {'; '.join(found)}. Publish a .v2 beside it instead.")
    return SCHEMAS / spec.type / f"1.{len(files)}.json", schema


def _wanted() -> dict[Path, str]:
    files = {path: _json(schema) for path, schema in filter(None, map(pending, CATALOGUE.values()))}
    files[DOCS / "asyncapi.yaml"] = asyncapi_document()
    files[DOCS / "events.md"] = readable_page()
    return {
        path: text for path, text in files.items() if not path.exists() or path.read_text() != text
    }


def _json(value: Schema) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or with `--check` only say what is not in step. Returns the exit code."""
    stale = _wanted()
    for path, text in stale.items():
        if "--check" in arguments:
            sys.stderr.write(f"{path} is not in step with the events: run `make catalogue`\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
