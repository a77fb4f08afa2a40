"""The sender: background of the gateway's worker that sends what is due, several at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from gateway.application.sealing import Seal
from gateway.application.sending import Claimed, Claims, Post, deliver
from gateway.domain.retry_after import retry_after_s
from gateway.domain.subscription import Attempt
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.http.outgoing import CallFailed, NotAllowed, Outgoing
from onefunnel.log.transience import is_transient
from onefunnel.wakeups import Listener

IN_FLIGHT: Final = 32
LOOK_EVERY_S: Final = 1.0
FORGET_EVERY_S: Final = 3_600.0
SERVICE: Final = "gateway"

_log = telemetry.log("webhooks")


class Deliveries(Claims, Protocol):
    """What is due, and what was done with long ago."""

    async def forget(self, now: datetime) -> bool:
        """Delete some of what was done with long ago; say whether there may be more."""
        ...


class Sender:
    """Sends until it is stopped, then lets what is under way end. Any number of them may run."""

    def __init__(
        self,
        claims: Deliveries,
        outgoing: Callable[[], Outgoing],
        seal: Seal,
        clock: Clock,
        listener: Listener,
    ) -> None:
        self._claims = claims
        self._outgoing = outgoing
        self._seal = seal
        self._clock = clock
        self._listener = listener
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look for what is due whenever something was committed or sent, and once a second."""
        now_s = asyncio.get_running_loop().time
        forget_at = now_s()
        async with self._outgoing() as outgoing:
            while not stop.is_set():
                await self._surely(self._start(outgoing))
                if now_s() >= forget_at:
                    await self._surely(self._forget(stop))
                    forget_at = now_s() + FORGET_EVERY_S
                await self._listener.wait(LOOK_EVERY_S)
            if self._under_way:
                await asyncio.wait(self._under_way)

    async def _start(self, outgoing: Outgoing) -> None:
        if (room := IN_FLIGHT - len(self._under_way)) <= 0:
            return
        for claimed in await self._claims.claim(self._clock.now(), room):
            task = asyncio.create_task(self._surely(self._send(outgoing, claimed)))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def _forget(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self._claims.forget(self._clock.now()):
            continue

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._listener.notify()  # there is room for the next one

    async def _send(self, outgoing: Outgoing, claimed: Claimed) -> None:
        attempt = await deliver(
            claimed,
            post=poster(outgoing, self._clock),
            claims=self._claims,
            seal=self._seal,
            clock=self._clock,
        )
        if attempt.arrived:
            telemetry.count("webhook_deliveries_total", service=SERVICE)
            return
        telemetry.count("webhook_failures_total", service=SERVICE)
        _log.info(
            "webhook.not_delivered",
            subscription_id=str(claimed.subscription.id),
            delivery_id=str(claimed.delivery.id),
            failure=attempt.failure,
        )

    async def _surely(self, work: Awaitable[object]) -> None:
        """Do it; what fails is done again by whoever holds the lease next."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - other work shares this process: try again
            passing = is_transient(error)
            told = _log.warning if passing else _log.error
            told("webhook.sender_failed", error=type(error).__name__, exc_info=not passing)


def poster(outgoing: Outgoing, clock: Clock) -> Post:
    """Return what sends one request and tells what came of it."""

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        try:
            answer = await outgoing.request("POST", url, headers=headers, body=body)
        except NotAllowed:
            return Attempt(None, "address-refused")
        except CallFailed as failed:
            return Attempt(None, str(failed))
        wait_s = retry_after_s(answer.headers.get("retry-after", ""), clock.now())
        return Attempt(answer.status, wait_s=wait_s)

    return post
