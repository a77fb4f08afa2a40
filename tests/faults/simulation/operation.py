"""One thing that an actor wants of a server, and what is to go wrong with it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal[
    "fine",
    "error before",  # the connection is lost before the statement is sent
    "error after",  # it was carried out, and the answer is lost with the connection
    "crash before",
    "crash after",
    "cancel",
    "refused",  # by a serialization failure
    "duplicate",  # an append that the log takes twice
]


def _future() -> Any:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class Operation:
    """Waits for its turn at the gate, runs alone, and waits again until the scheduler lets it land."""

    actor: "Actor"
    connection: int  # its number among the actor's
    what: str
    pid: int | None = None  # of the server's process
    arguments: tuple[Any, ...] = ()
    result: Any = None
    granted: "asyncio.Future[Verdict]" = field(default_factory=_future)
    finished: "asyncio.Future[None]" = field(default_factory=_future)
    landed: "asyncio.Future[None]" = field(default_factory=_future)

    @property
    def name(self) -> tuple[str, int]:
        """Sorts operations in an order that does not depend on when they came."""
        return (self.actor.name, self.connection)

    def __str__(self) -> str:
        return f"{self.actor.name}/{self.connection} {' '.join(self.what.split())[:80]}"

    @property
    def commits(self) -> bool:
        """Say whether this is the end of a transaction."""
        return self.what == "COMMIT"

    @property
    def appends(self) -> bool:
        """Say whether this appends to the log."""
        return "INSERT INTO record_batch" in self.what


@dataclass(eq=False)
class Actor:
    """One simulated process: what it runs, and whether it still does."""

    name: str
    alive: bool = True
    frozen_for: int = 0  # steps
    connections: list[Any] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None
