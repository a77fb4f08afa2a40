"""May a new schema stand beside the old one under the same version? Only if old and new readers agree."""

from typing import Any

Schema = dict[str, Any]

_LOWER = ("minimum", "minLength", "minItems")
_UPPER = ("maximum", "maxLength", "maxItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return every way in which `new` breaks what was published as `old`; an empty list means none.

    Refused: a field removed or renamed, a new required field, an optional one made required, a
    changed type or pattern, a narrowed set of words, a tighter limit.
    """
    found: list[str] = []
    _compare("", old, new, old.get("$defs", {}), new.get("$defs", {}), found)
    return found


def _compare(
    at: str, old: Schema, new: Schema, olds: Schema, news: Schema, found: list[str]
) -> None:
    old, new = _resolve(old, olds), _resolve(new, news)
    changed = [w for w in ("type", "format", "pattern") if old.get(w) != new.get(w)]
    found.extend(f"{at or '/'}: {word} changed" for word in changed)
    if _words(old) - _words(new):
        found.append(f"{at or '/'}: a word was taken away")
    _limits(at, old, new, found)
    _properties(at, old, new, olds, news, found)
    if "items" in old:
        _compare(f"{at}/items", old["items"], new.get("items", {}), olds, news, found)
    for index, choice in enumerate(old.get("anyOf", [])):
        choices = new.get("anyOf", [])
        if index >= len(choices):
            found.append(f"{at or '/'}: a choice was taken away")
        else:
            _compare(at, choice, choices[index], olds, news, found)


def _words(schema: Schema) -> set[str]:
    """Return the words a literal allows; any change of a single allowed word takes the old one away."""
    words = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return {str(word) for word in words}


def _properties(
    at: str, old: Schema, new: Schema, olds: Schema, news: Schema, found: list[str]
) -> None:
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    found += [f"{at}/{name}: removed" for name in old_fields if name not in new_fields]
    required = set(new.get("required", [])) - set(old.get("required", []))
    found += [f"{at}/{name}: now required" for name in sorted(required)]
    for name in old_fields.keys() & new_fields.keys():
        _compare(f"{at}/{name}", old_fields[name], new_fields[name], olds, news, found)


def _limits(at: str, old: Schema, new: Schema, found: list[str]) -> None:
    for word in _LOWER + _UPPER:
        sign = 1 if word in _LOWER else -1
        if word in new and (word not in old or sign * new[word] > sign * old[word]):
            found.append(f"{at or '/'}: {word} is tighter")


def _resolve(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.rsplit("/", 1)[1]] if reference else schema
