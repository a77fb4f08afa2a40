"""Sending a request until it is answered: for what is safe to send twice."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from standalone.console.failure import NOT_READY, Failure
from standalone.gateway_client import Gateway, Response, Unreachable

GIVE_UP_AFTER_S: Final = 120.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
BUSY: Final = frozenset({429, 500, 502, 503, 504})


class Patience:
    """Tries again with longer and longer pauses, for at most two minutes of refusals."""

    def __init__(
        self,
        waiting: Callable[[str], None],
        *,
        busy: Collection[int] = BUSY,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._waiting = waiting
        self._busy = busy
        self._sleep = sleep

    def send(
        self,
        gateway: Gateway,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Response:
        """Send until there is an answer that another attempt would not change."""
        waited, pause = 0.0, _FIRST_PAUSE_S
        while True:
            response: Response | None = None
            try:
                response = gateway.send(method, path, body=body, headers=headers)
                cause = f"status {response.status}"
            except Unreachable as error:
                cause = f"no answer ({error})"
            if response is not None and response.status not in self._busy:
                return response
            if waited >= GIVE_UP_AFTER_S:
                raise _gave_up(cause)
            self._waiting(cause)
            pause_s = _pause(response, pause)
            self._sleep(pause_s)
            waited += pause_s
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _pause(response: Response | None, pause: float) -> float:
    asked = response.headers.get("retry-after", "") if response else ""
    if asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_S)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads clients, keeps no secret


def _gave_up(cause: str) -> Failure:
    return Failure(
        "the gateway does not take the rows",
        because=(f"{cause}, for {GIVE_UP_AFTER_S:.0f} seconds",),
        help="look at  onefunnel status , then run the same command again: it goes on where it stopped",
        code="gateway-unreachable",
        exit_code=NOT_READY,
    )
