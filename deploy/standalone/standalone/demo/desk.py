"""Asking the gateway in the name of one role or another, each thing once however often it is asked."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from standalone.gateway_client import Gateway, failure_of
from standalone.patience import Patience

CONNECTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Call:
    """One write; `key` makes it one effect."""

    role: str
    path: str
    body: object
    key: str


class Desk:
    """Connections with the keys of all roles; each thread has its own."""

    def __init__(self, url: str, keys: Mapping[str, str], done: Callable[[int], None]) -> None:
        self._url = url
        self._keys = keys
        self._done = done
        self._patience = Patience(lambda _: None)
        self._mine = threading.local()
        self.last_event: str | None = None

    def gateway(self, role: str) -> Gateway:
        """Return this thread's connection for a role."""
        opened: dict[str, Gateway] = self._mine.__dict__.setdefault("gateways", {})
        if role not in opened:
            opened[role] = Gateway(self._url, self._keys[role])
        return opened[role]

    def ask(self, call: Call) -> Any:
        """Make one call and return its answer."""
        body = json.dumps(call.body).encode()
        # With the body's digest: what another release sends differently is another request.
        key = f"demo-{call.key}-{sha256(body).hexdigest()[:12]}"
        response = self._patience.send(
            self.gateway(call.role), "POST", call.path, body, {"Idempotency-Key": key}
        )
        if response.status >= 400:
            raise failure_of(response, f"POST {call.path}")
        self.last_event = response.headers.get("event-id") or self.last_event
        self._done(1)
        return response.json()

    def ask_all(self, calls: Iterable[Call]) -> list[Any]:
        """Make calls that do not depend on each other, a few at a time; answers in their order."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return list(pool.map(self.ask, calls))
