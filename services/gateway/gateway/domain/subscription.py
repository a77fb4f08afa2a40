"""A subscription to our webhooks, its deliveries, and when one that failed is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from gateway.domain.connection import SealedSecret
from onefunnel.errors import conflict

OVERLAP: Final = timedelta(hours=24)
SECRET_BYTES: Final = 32
GIVE_UP_AFTER: Final = timedelta(hours=72)
PAUSE_AFTER: Final = timedelta(days=5)
GONE: Final = 410
# How long to wait at most after the first, the second … failure; the last one counts for all that follow.
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)

State = Literal["active", "paused"]
Because = Literal["owner", "gone", "failing"]
Status = Literal["waiting", "delivered", "dead"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One endpoint of a tenant and the events it is told of."""

    id: UUID
    tenant_id: UUID
    url: str
    events: Sequence[str]
    created_at: datetime
    description: str = ""
    state: State = "active"
    paused_because: Because | None = None
    failing_since: datetime | None = None
    last_failure: str | None = None
    secrets: tuple[SealedSecret, ...] = ()
    version: int = 1

    def live_secrets(self, now: datetime) -> tuple[SealedSecret, ...]:
        """Return the secrets that are signed with, the newest first."""
        return tuple(secret for secret in self.secrets if secret.is_live(now))

    def rotated(self, new: SealedSecret, *, now: datetime) -> "Subscription":
        """Return it with a new secret; both are signed with until the overlap ends."""
        live = self.live_secrets(now)
        if len(live) > 1:
            raise conflict("Two secrets are live already; wait for the end of the overlap.")
        ending = tuple(replace(secret, expires_at=now + OVERLAP) for secret in live)
        return replace(self, secrets=(new, *ending))

    def switched(self, state: State) -> "Subscription":
        """Return it paused by its owner, or taking events again with a clean slate."""
        if state == self.state:
            return self
        if state == "paused":
            return replace(self, state=state, paused_because="owner")
        return replace(
            self, state=state, paused_because=None, failing_since=None, last_failure=None
        )

    def succeeded(self) -> "Subscription":
        """Return it after a delivery arrived."""
        return replace(self, failing_since=None, last_failure=None)

    def failed(self, attempt: "Attempt", now: datetime) -> "Subscription":
        """Return it after one did not: paused if the endpoint is gone, or has failed for days."""
        since = self.failing_since or now
        flagged = replace(self, failing_since=since, last_failure=attempt.failure)
        if attempt.code == GONE:
            return replace(flagged, state="paused", paused_because="gone")
        if now - since >= PAUSE_AFTER:
            return replace(flagged, state="paused", paused_because="failing")
        return flagged


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of sending: the code that was answered, or a word for why nothing was."""

    code: int | None
    error: str | None = None
    wait_s: float = 0.0  # for which the receiver asks to be left alone

    @property
    def arrived(self) -> bool:
        """Say whether the receiver has it."""
        return self.code is not None and 200 <= self.code < 300

    @property
    def failure(self) -> str:
        """Return one word for what went wrong."""
        return self.error or f"status-{self.code}"


@dataclass(frozen=True, slots=True)
class OutgoingDelivery:
    """One event on its way to one subscription. The body is made once: every attempt sends the same."""

    id: UUID
    subscription_id: UUID
    event_id: UUID
    type: str
    body: bytes
    created_at: datetime
    due_since: datetime  # when it was first to be sent, or to be sent again
    next_at: datetime | None
    status: Status = "waiting"
    attempts: int = 0  # since then
    last_at: datetime | None = None
    last_code: int | None = None
    last_error: str | None = None

    def after(self, attempt: Attempt, now: datetime, draw: float) -> "OutgoingDelivery":
        """Return it after an attempt: delivered, waiting for the next one, or dead after three days.

        The wait is `draw`, from 0 to 1, of the longest: a thousand that failed together come back apart.
        It begins after the time for which the receiver asked to be left alone.
        """
        seen = replace(
            self,
            attempts=self.attempts + 1,
            last_at=now,
            last_code=attempt.code,
            last_error=attempt.error,
            next_at=None,
        )
        if attempt.arrived:
            return replace(seen, status="delivered")
        end = self.due_since + GIVE_UP_AFTER
        if attempt.code == GONE or now >= end:
            return replace(seen, status="dead")
        longest = DELAYS[min(self.attempts, len(DELAYS) - 1)]
        wait = timedelta(seconds=attempt.wait_s) + longest * draw
        return replace(seen, next_at=min(now + wait, end))

    def again(self, now: datetime) -> "OutgoingDelivery":
        """Return it due now, with three days before it, whatever became of it."""
        return replace(self, status="waiting", attempts=0, due_since=now, next_at=now)
