"""A YAML file read with the line of every word, so that a mistake is named where it stands.

Scalars are always text: `No` is the word No, `007` keeps its zeros.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from standalone.console.failure import USAGE, Failure

MAX_MAPPING_BYTES = 1024**2
MAX_MISTAKES_SHOWN = 20
_NULL = "tag:yaml.org,2002:null"


@dataclass(slots=True)
class Mistakes:
    """What is wrong with a mapping, collected so that one look shows all of it."""

    path: Path
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, text: str) -> None:
        """Note a mistake and where it stands."""
        self.found.append((line, text))

    def stop_if_any(self) -> None:
        """Raise what was found, in the order of the file."""
        if not self.found:
            return
        shown = sorted(set(self.found))
        causes = [f"{self.path}:{line}: {text}" for line, text in shown[:MAX_MISTAKES_SHOWN]]
        if len(shown) > MAX_MISTAKES_SHOWN:
            causes.append(f"and {len(shown) - MAX_MISTAKES_SHOWN} more")
        raise Failure(
            f"the mapping has {len(shown)} {'mistake' if len(shown) == 1 else 'mistakes'}",
            because=tuple(causes),
            help="docs/examples/mappings holds working ones; nothing was read or written",
            code="bad-mapping",
            exit_code=USAGE,
        )


@dataclass(frozen=True, slots=True)
class Word:
    """A scalar and its line; `text` is None for an explicit null."""

    line: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list and its line."""

    line: int
    nodes: tuple["Node", ...]


class Block:
    """A mapping node. What nobody asked for by the end is an unknown word."""

    def __init__(
        self, line: int, entries: dict[str, tuple[int, "Node"]], mistakes: Mistakes
    ) -> None:
        self.line = line
        self.mistakes = mistakes
        self._entries = entries
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def node(self, name: str) -> "Node | None":
        """Return what stands under a word, or None."""
        self._asked.add(name)
        entry = self._entries.get(name)
        return entry[1] if entry else None

    def text(self, name: str, *, required: bool = False) -> str | None:
        """Return the text under a word; anything else there is a mistake."""
        node = self.node(name)
        if node is None:
            if required:
                self.mistakes.add(self.line, f"{name} is missing")
            return None
        if isinstance(node, Word) and node.text is not None:
            return node.text
        self.mistakes.add(node.line, f"{name} must be a single value")
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return one text or a list of texts under a word."""
        node = self.node(name)
        nodes = node.nodes if isinstance(node, Items) else () if node is None else (node,)
        found = []
        for item in nodes:
            if isinstance(item, Word):
                found.append(item.text or "")
            else:
                self.mistakes.add(item.line, f"{name} must be a list of values")
        return tuple(found)

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str | None:
        """Return one of the words that are known there."""
        text = self.text(name, required=default is None)
        if text is None or text in choices:
            return text if text is not None else default
        line = self._entries[name][1].line
        self.mistakes.add(line, f"{name} cannot be {text}: {_known(text, choices)}")
        return default

    def pairs(self, name: str) -> Iterator[tuple[str, "Node"]]:
        """Yield the entries of a mapping under a word."""
        node = self.node(name)
        if isinstance(node, Block):
            yield from node.every()
        elif node is not None:
            self.mistakes.add(node.line, f"{name} must be a list of  key: value")

    def every(self) -> Iterator[tuple[str, "Node"]]:
        """Yield all entries, whatever their words."""
        self._asked.update(self._entries)
        for name, (_, node) in self._entries.items():
            yield name, node

    def finish(self) -> None:
        """Report the words that mean nothing here."""
        for name, (line, _) in self._entries.items():
            if name not in self._asked:
                self.mistakes.add(line, f"{name} means nothing here: {_known(name, self._asked)}")


Node = Word | Items | Block


def read_nodes(path: Path) -> Block:
    """Return the top block of a YAML file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    if len(raw) > MAX_MAPPING_BYTES:
        raise _unreadable(path, f"it is larger than {MAX_MAPPING_BYTES:,} bytes")
    try:
        root = yaml.compose(raw.decode(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(path, " ".join(str(error).split())) from None
    mistakes = Mistakes(path)
    top = _Conversion(mistakes).convert(root) if root else None
    if not isinstance(top, Block):
        raise _unreadable(path, "its top level must be  key: value")
    return top


def nearest(text: str, known: tuple[str, ...] | list[str]) -> str | None:
    """Return the known word that was probably meant."""
    return next(iter(difflib.get_close_matches(text, known, n=1, cutoff=0.6)), None)


def _known(text: str, choices: tuple[str, ...] | set[str]) -> str:
    meant = nearest(text, sorted(choices))
    return f"did you mean {meant}?" if meant else "it can be " + ", ".join(sorted(choices))


def _unreadable(path: Path, cause: str) -> Failure:
    return Failure(
        f"cannot read the mapping {path}",
        because=(cause,),
        help="docs/examples/mappings holds working ones",
        code="bad-mapping",
        exit_code=USAGE,
    )


class _Conversion:
    """YAML's nodes to ours; a node that anchors share is converted once."""

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._done: dict[int, Node | None] = {}

    def convert(self, node: yaml.Node) -> Node:
        """Return our node for YAML's."""
        line = node.start_mark.line + 1
        if id(node) in self._done:
            found = self._done[id(node)]
            if found is None:
                self._mistakes.add(line, "an anchor holds itself")
            return found or Word(line, None)
        self._done[id(node)] = None
        made = self._done[id(node)] = self._make(node, line)
        return made

    def _make(self, node: yaml.Node, line: int) -> Node:
        if isinstance(node, yaml.ScalarNode):
            return Word(line, None if node.tag == _NULL and not node.style else node.value)
        if isinstance(node, yaml.SequenceNode):
            return Items(line, tuple(self.convert(item) for item in node.value))
        return Block(line, self._entries(node), self._mistakes)

    def _entries(self, node: yaml.Node) -> dict[str, tuple[int, Node]]:
        entries: dict[str, tuple[int, Node]] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._mistakes.add(at, "a key must be a word")
            elif key.value in entries:
                self._mistakes.add(at, f"{key.value} is given twice")
            else:
                entries[key.value] = (at, self.convert(value))
        return entries
