"""What the event log delivers to scoring: events of leads and views, once each, inside one transaction."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from onefunnel.clock import Clock
from onefunnel.events import Event
from onefunnel.events.envelope import Envelope, Metadata
from scoring_service.application.ports import TxFactory
from scoring_service.application.reactions import REACTIONS, Heard, Reaction

GROUP: Final = "scoring"
SOURCE: Final = "/services/scoring-service"
ACTOR: Final = "system:scoring"

Handler = Callable[[Any, Envelope, Event], Awaitable[None]]


def handlers(tx_of: TxFactory, clock: Clock) -> dict[str, Handler]:
    """Return what to do with each event type, inside a transaction over all tenants."""
    return {type_: _handler(reaction, tx_of, clock) for type_, reaction in REACTIONS.items()}


def _handler(reaction: Reaction, tx_of: TxFactory, clock: Clock) -> Handler:
    async def handle(conn: Any, envelope: Envelope, event: Event) -> None:
        await reaction(event, Heard(envelope.time, tx_of(conn, _because_of(envelope, clock))))

    return handle


def _because_of(envelope: Envelope, clock: Clock) -> Metadata:
    return Metadata(
        tenant_id=envelope.tenantid,
        source=SOURCE,
        actor_id=ACTOR,
        correlation_id=envelope.correlationid or str(envelope.id),
        recorded_at=clock.now(),
        causation_id=str(envelope.id),
        traceparent=envelope.traceparent,
    )
