"""What an answer of a CRM means for whoever asked: go on, wait, or give up."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from gateway.domain.connection import Connection
from gateway.domain.crm_api.calls import Api, Call, Reply
from gateway.domain.retry_after import retry_after_s

MAX_ANSWER_BYTES: Final = 16 << 20
FIRST_WAIT_S: Final = 1.0
MAX_WAIT_S: Final = 900.0
_LIMITED_S: Final = 10.0

Code = Literal[
    "rate-limited", "token-ended", "token-refused", "grant-refused", "crm-unavailable",
    "request-refused", "unreadable-answer", "channel-not-renewed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a question was not answered, and how long the CRM is left alone at least."""

    code: Code
    detail: str
    wait_s: float = 0.0

    @property
    def is_about_the_question(self) -> bool:
        """Say whether the same question would be answered in the same way again."""
        return self.code in {"request-refused", "unreadable-answer", "channel-not-renewed"}

    @property
    def passes(self) -> bool:
        """Say whether nobody failed: the same question is only to be asked a little later."""
        return self.code in {"rate-limited", "token-ended"}


class Unreachable(Exception):
    """The CRM could not be asked, or did not answer in time or in bounds."""


class Asking(Protocol):
    """Asks a CRM one question."""

    async def __call__(self, connection: Connection, call: Call) -> Reply:
        """Return the whole answer whatever its status. Raises `Unreachable`."""
        ...


def trouble_of(api: Api, reply: Reply, now: datetime) -> Trouble | None:
    """Return what stands against an answer, None if it is one."""
    if reply.status in api.answers:
        return None
    wait_s = retry_after_s(reply.headers.get("retry-after", ""), now)
    limited = reply.status == 429 or b"REQUEST_LIMIT_EXCEEDED" in reply.body[:1_000]
    if limited:
        detail = "The CRM asks us to come more rarely."
        return Trouble("rate-limited", detail, wait_s or _LIMITED_S)
    if reply.status in {401, 403}:
        return Trouble("token-refused", "The CRM refuses the token or what it may read.", wait_s)
    if reply.status >= 500 or reply.status in {408, 425}:
        return Trouble("crm-unavailable", f"The CRM answered {reply.status}.", wait_s)
    return Trouble("request-refused", f"The CRM answered {reply.status} to the question.")


def backoff_s(failures: int, share: Callable[[], float] | None = None) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, half of it by chance."""
    longest: float = min(FIRST_WAIT_S * 2.0 ** min(failures, 20), MAX_WAIT_S)
    return longest * (0.5 + (share or _chance)() / 2)


def _chance() -> float:
    return secrets.randbelow(1_000) / 1_000
