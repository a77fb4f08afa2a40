"""A second reading of the matrix of rights: it shares nothing with the product but the file itself."""

import tomllib
from pathlib import Path

FILE = Path(__file__).parents[2] / "services/gateway/gateway/domain/rights.toml"
PEOPLE = ("self", "subtree", "team", "other", "unowned")


class Interpreter:
    """Says what an answer must be, from the words of the file."""

    def __init__(self, text: str) -> None:
        self.cells: dict[tuple[str, str, str], list[str]] = {}
        for resource, actions in tomllib.loads(text).items():
            for action, line in actions.items():
                for names, words in line.items():
                    for name in names.split():
                        self.cells[name, resource, action] = words.split()

    def named(self, role: str, resource: str, action: str) -> bool:
        """Say whether a role has a cell at all."""
        return (role, resource, action) in self.cells

    def may(self, role: str, resource: str, action: str, relation: str) -> bool:
        """Say whether a role may do this to the things of somebody in a relation."""
        words = self.cells.get((role, resource, action), [])
        if relation == "foreign":
            return False
        if "all" in words or "agg" in words:
            return True
        return relation in words or ("others" in words and relation != "self")

    def sees(self, role: str, resource: str, action: str, relation: str) -> bool:
        """Say whether such a thing is there at all for a role that comes to do this."""
        read = self.cells.get((role, resource, "read"), [])
        shown = "agg" not in read and self.may(role, resource, "read", relation)
        return shown or self.may(role, resource, action, relation)

    def answer(self, role: str, resource: str, action: str, relation: str) -> int:
        """Return 200 for whatever is allowed, 403 for what is only seen, 404 for what is not there."""
        if self.may(role, resource, action, relation):
            return 200
        return 403 if self.sees(role, resource, action, relation) else 404

    def listed(self, role: str, resource: str, action: str = "read") -> set[str]:
        """Return the relations of the owners in a list, or in a file of it."""
        return {one for one in PEOPLE if self.may(role, resource, action, one)}
