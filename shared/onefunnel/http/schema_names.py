"""Names of schemas as a person would choose them: what generated clients call their types."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

REFERENCE: Final = "#/components/schemas/"

_LIST: Final = re.compile(r"ListOf_(\w+?)(?:Out|View)?_")
_SHARED: Final = "onefunnel"


def well_named(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with `LeadList` for `ListOf_LeadOut_`, and no module in front of a name."""
    schemas = document["components"]["schemas"]
    return renamed(
        document, {name: better for name in schemas if (better := _better(name)) != name}
    )


def renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the document with other names for schemas, and with the references to them."""
    text = orjson.dumps(document).decode()
    for name, other in names.items():
        text = text.replace(f'"{REFERENCE}{name}"', f'"{REFERENCE}{other}"')
    found: dict[str, Any] = orjson.loads(text)
    schemas = found["components"]["schemas"]
    for name, other in names.items():
        assert other not in schemas, f"two schemas would be called {other}"
        schemas[other] = {**schemas.pop(name), "title": other}
    return found


def _better(name: str) -> str:
    if found := _LIST.fullmatch(name):
        return f"{found[1]}List"
    package, _, rest = name.partition("__")
    if not rest:
        return name
    last = rest.rpartition("__")[2]
    # Two classes of one name: the language that all services share keeps it.
    return last if package == _SHARED else f"{package.partition('_')[0].capitalize()}{last}"
