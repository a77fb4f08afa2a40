"""Sending items to `POST /v1/batches`: cut to size, sent again after a lost connection.

Sending a batch twice is safe, because the gateway answers `unchanged` for an item it has.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from standalone.gateway_client import Gateway, Response, failure_of
from standalone.imports.commands import Item
from standalone.patience import BUSY, Patience

MAX_ITEMS: Final = 500
MAX_BYTES: Final = 4_500_000  # under the gateway's 5 MiB, with room for the frame
_BUSY: Final = BUSY | {412}  # somebody else changed a row meanwhile


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that travel together, with the line each stands on, as the bytes to send."""

    lines: tuple[int, ...]
    keys: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item."""

    line: int
    key: str
    status: str
    problem: Mapping[str, Any] | None


def batches(items: Iterable[tuple[int, Item]], source: str) -> Iterator[Batch]:
    """Cut items into batches within the limits, keeping their order."""
    lines: list[int] = []
    keys: list[str] = []
    parts: list[bytes] = []
    size = 0
    for line, item in items:
        part = orjson.dumps({"key": item.key, "commands": item.commands})
        if parts and (len(parts) == MAX_ITEMS or size + len(part) > MAX_BYTES):
            yield _batch(lines, keys, parts, source)
            lines, keys, parts, size = [], [], [], 0
        lines.append(line)
        keys.append(item.key)
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield _batch(lines, keys, parts, source)


def _batch(lines: list[int], keys: list[str], parts: list[bytes], source: str) -> Batch:
    body = b'{"source":' + orjson.dumps(source) + b',"items":[' + b",".join(parts) + b"]}"
    return Batch(tuple(lines), tuple(keys), body)


class Sender:
    """Sends the batches of one run; every event they cause carries the run's id."""

    def __init__(
        self,
        gateway: Gateway,
        run_id: str,
        waiting: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gateway = gateway
        self._headers = {"X-Correlation-Id": run_id}
        self._patience = Patience(waiting, busy=_BUSY, sleep=sleep)

    def send(self, batch: Batch) -> Sequence[Outcome]:
        """Send a batch until it is answered."""
        answer = self._patience.send(
            self._gateway, "POST", "/v1/batches", batch.body, self._headers
        )
        return _outcomes(batch, answer)


def _outcomes(batch: Batch, response: Response) -> Sequence[Outcome]:
    if response.status >= 400:
        raise failure_of(response, "the batch")
    answered = {one["key"]: one for one in response.json()["items"]}
    return [
        Outcome(line, key, answered[key]["status"], answered[key].get("problem"))
        for line, key in zip(batch.lines, batch.keys, strict=True)
    ]
