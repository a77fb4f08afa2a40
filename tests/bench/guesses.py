"""What a guess costs that names nothing, beside one that names something: an API key, the endpoint of a webhook.

Both ways by turns, in one run, so that the machine is the same for both. A ratio of one tells nothing to
whoever measures it.
"""

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from unittest.mock import patch

from onefunnel.ids import new_id
from onefunnel.runtime import Header, ServiceClient
from tests.bench.harness import load
from tests.bench.inside import inside
from tests.bench.webhooks import connected

BLOCKS, REQUESTS = 200, 10
UNLIMITED: Final = {"ONEFUNNEL_FAILURE_LIMIT": "1000000000"}

Ask = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Guess:
    """One way to guess: what is there with a wrong secret, and what is not there."""

    name: str
    known: Ask
    unknown: Ask


async def run() -> str:
    """Return the time of a guess that names something and of one that does not, and their ratio."""
    with patch.dict(os.environ, UNLIMITED):
        async with inside() as stack:
            client = stack.client("gateway")
            crm = await connected(stack, "standard")
            _, environment, id_, secret = stack.key.split("_")
            guesses = [
                Guess(
                    "an API key",
                    _key(client, f"of_{environment}_{id_}_{secret[::-1]}"),
                    _key(client, f"of_{environment}_{new_id().hex}_{secret}"),
                ),
                Guess(
                    "a webhook's endpoint",
                    _delivery(client, crm.path),
                    _delivery(client, f"{crm.path[:-6]}nobody"),
                ),
            ]
            lines = [_line(guess.name, await _compared(guess)) for guess in guesses]
    return "\n".join([f"\nguesses ({load()})", *lines])


def _key(client: ServiceClient, key: str) -> Ask:
    headers = [(b"host", b"bench"), (b"x-api-key", key.encode())]

    async def ask() -> None:
        answer = await client.request("GET", "/v1/me", query="", headers=headers, body=b"")
        assert answer.status == 401, answer.body

    return ask


def _delivery(client: ServiceClient, path: str) -> Ask:
    async def ask() -> None:
        signed: list[Header] = [
            (b"webhook-id", b"msg_1"),
            (b"webhook-timestamp", str(int(time.time())).encode()),
            (b"webhook-signature", b"v1,bm9ib2R5"),
        ]
        headers = [(b"host", b"bench"), (b"content-type", b"application/json"), *signed]
        answer = await client.request("POST", path, query="", headers=headers, body=b"{}")
        assert answer.status == 401, answer.body

    return ask


async def _compared(guess: Guess) -> tuple[float, float]:
    """Return the median µs of a guess: of what is there, of what is not."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(BLOCKS):
        for which, ask in enumerate((guess.known, guess.unknown)):
            before = time.perf_counter()
            for _ in range(REQUESTS):
                await ask()
            took[which].append((time.perf_counter() - before) / REQUESTS * 1e6)
    return statistics.median(took[0]), statistics.median(took[1])


def _line(name: str, took: tuple[float, float]) -> str:
    known, unknown = took
    return (
        f"  {name:<22}there, with a wrong secret {known:7.0f} µs"
        f"   not there {unknown:7.0f} µs   ratio {unknown / known:.2f}"
    )
