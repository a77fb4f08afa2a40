"""A tree of path templates: finds what is at a path in one walk down its segments."""

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_PARAMETER: Final = re.compile(r"\{(\w+)\}")


class PathTree(Generic[T]):
    """Values at templates such as `/v1/leads/{lead_id}`; a word wins over a parameter.

    A value is made by the caller and changed in place: `at` returns the one of a template.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def at(self, template: str, fresh: T) -> T:
        """Return the value at `template`; put `fresh` there first if there was none."""
        node = self._root
        for part in template.split("/")[1:]:
            node = node.child(part)
        if node.value is None:
            node.value = fresh
            node.names = _PARAMETER.findall(template)
        return node.value

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """Return the value at `path` and what stands for its parameters, None if there is nothing."""
        values: list[str] = []
        node = self._root.walk(path.split("/")[1:], 0, values)
        if node is None or node.value is None:
            return None
        return node.value, dict(zip(node.names, values, strict=True))


class _Node(Generic[T]):
    __slots__ = ("any", "names", "value", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node[T]] = {}
        self.any: _Node[T] | None = None
        self.value: T | None = None
        self.names: Sequence[str] = ()

    def child(self, part: str) -> "_Node[T]":
        if _PARAMETER.fullmatch(part):
            self.any = self.any or _Node()
            return self.any
        assert "{" not in part, f"a parameter is a whole segment of a path: {part}"
        return self.words.setdefault(part, _Node())

    def walk(self, parts: Sequence[str], at: int, values: list[str]) -> "_Node[T] | None":
        if at == len(parts):
            return self if self.value is not None else None
        part = parts[at]
        if (word := self.words.get(part)) and (found := word.walk(parts, at + 1, values)):
            return found
        if self.any is None or not part:
            return None
        values.append(part)
        if found := self.any.walk(parts, at + 1, values):
            return found
        values.pop()
        return None
