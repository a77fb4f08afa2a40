"""XML as one vendor sends it: elements by namespace and name, and nothing that an attacker could use."""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from gateway.domain.webhooks.reading import Unreadable

MAX_DEPTH: Final = 16
NIL: Final = "http://www.w3.org/2001/XMLSchema-instance nil"


@dataclass(slots=True)
class Element:
    """An element: its name as `namespace name`, its text and its children."""

    name: str
    attributes: dict[str, str]
    text: str = field(default="", repr=False)
    children: list["Element"] = field(default_factory=list)

    @property
    def local(self) -> str:
        """Return the name without its namespace."""
        return self.name.rpartition(" ")[2]

    @property
    def value(self) -> str | None:
        """Return the text, None where the element says that it has none."""
        return None if self.attributes.get(NIL) in {"true", "1"} else self.text.strip()

    def all(self, name: str) -> list["Element"]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]


def parse_xml(body: bytes) -> Element:
    """Return the root of a document; one with a DOCTYPE or an entity of its own is refused unread.

    So is one in an encoding of more than a byte for plain letters: what is taken out of a body before it is
    kept is looked for in its bytes.
    """
    if b"\0" in body:
        raise Unreadable("the body is not XML")
    root = Element("", {})
    open_elements = [root]
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise Unreadable("the XML is nested too deeply")
        element = Element(name, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_name: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def refuse(*_: object) -> None:
        raise Unreadable("the XML declares a document type")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        # The latter two: it names an encoding that is none, or one that expat cannot take.
        raise Unreadable("the body is not XML") from error
    return root.children[0]
