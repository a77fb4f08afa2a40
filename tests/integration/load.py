"""Somebody who goes on writing while an operator works: every lead once, asked for until it is acknowledged."""

import contextlib
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from onefunnel.ids import new_id
from standalone.gateway_client import Gateway, Unreachable
from standalone.host.waiting import wait_until

WITHIN_S: Final = 90
PACE_S: Final = 0.02  # between requests: a company, not a benchmark
BODY: Final = b'{"source": "webinar", "captured_at": "2026-01-05T09:00:00Z"}'


class Load:
    """Captures leads from a thread of its own."""

    def __init__(self, url: str, key: str) -> None:
        self.acknowledged = 0
        self.refusals: set[int] = set()
        self._gateway = Gateway(url, key)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    @contextlib.contextmanager
    def going_on(self) -> Iterator["Load"]:
        """Write until the block ends."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._thread.join()
            self._gateway.close()

    def gets_through(self) -> None:
        """Wait until something is acknowledged that was not sent yet when this was called."""
        wanted = self.acknowledged + 2
        assert wait_until(lambda: self.acknowledged >= wanted, WITHIN_S), "nothing gets through"

    def _run(self) -> None:
        while not self._stopping.wait(PACE_S):
            key = {"Content-Type": "application/json", "Idempotency-Key": str(new_id())}
            while not self._sent(key):
                self._stopping.wait(
                    PACE_S
                )  # once more even so: what is not acknowledged is unknown
            self.acknowledged += 1

    def _sent(self, headers: dict[str, str]) -> bool:
        try:
            status = self._gateway.send("POST", "/v1/leads", body=BODY, headers=headers).status
        except Unreachable:
            return False
        if status != HTTPStatus.CREATED:
            self.refusals.add(status)
        return status == HTTPStatus.CREATED
