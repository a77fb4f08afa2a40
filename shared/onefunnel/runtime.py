"""The runtime: everything a service is given, as one frozen value that a profile makes.

A service never asks which profile it runs under; it uses what is in here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from onefunnel.clock import Clock
from onefunnel.log.port import EventLog
from onefunnel.persistence.database import Database
from onefunnel.vault.keyring import Keyring
from onefunnel.wakeups import Wakeups

Header = tuple[bytes, bytes]


class ServiceResponse(NamedTuple):
    """What another service answered, as raw as it came."""

    status: int
    headers: Sequence[Header]
    body: bytes


class ServiceUnreachable(Exception):
    """The other service could not be asked, or did not answer in time."""


class ServiceClient(Protocol):
    """Asks one service; a direct call inside a process, HTTP between processes."""

    async def request(
        self, method: str, path: str, *, query: str, headers: Sequence[Header], body: bytes
    ) -> ServiceResponse:
        """Send one request and return the whole answer, whatever its status.

        `path` is percent-encoded, `query` comes without the question mark. Raises `ServiceUnreachable`.
        """
        ...


async def _nothing_to_check() -> None:
    """Accept everything: where the parts of a runtime were made for it."""


@dataclass(frozen=True)
class Runtime:
    """The ports a service runs on. Databases are cached by name: asking twice gives one pool."""

    database: Callable[[str], Database]  # under the app role: requests
    worker_database: Callable[[str], Database]  # under the worker role: relays, folds, reactions
    log: EventLog
    clock: Clock
    internal_key: bytes
    client: Callable[[str], ServiceClient]  # "lead", "scoring", "content", "metrics"
    wake: Callable[[], None]  # something was committed to an outbox
    wakeups: Wakeups  # the worker's side of it
    close: Callable[[], Awaitable[None]]  # closes databases, clients and the log
    # Looks whether what the process stands on is what it must be. Raises `Refused`, or an error that
    # passes where something is down.
    check: Callable[[], Awaitable[None]] = _nothing_to_check
    # What the keys of people are wrapped by; empty: it follows from the internal key.
    vault_key: bytes = b""
    # What the profile itself needs done in a worker process, beside the services' own background.
    upkeep: Sequence[Callable[[asyncio.Event], Awaitable[None]]] = ()

    @property
    def keyring(self) -> Keyring:
        """Return the keys of people: they follow from the master key of the installation."""
        return Keyring(self.vault_key or self.internal_key)
