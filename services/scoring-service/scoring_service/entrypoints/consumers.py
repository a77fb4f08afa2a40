"""What the event log delivers to scoring: events of leads and views, once each, inside one transaction."""

from typing import Any

from onefunnel.clock import Clock
from onefunnel.events import Event
from onefunnel.events.envelope import Envelope, Metadata
from onefunnel.log.arrivals import Handler
from scoring_service.application.ports import TxFactory
from scoring_service.application.reactions import REACTIONS, Heard, Reaction


def handlers(tx_of: TxFactory, clock: Clock, *, source: str, actor: str) -> dict[str, Handler]:
    """Return what to do with each event type; what comes of it is published by `source` as `actor`."""

    def because_of(envelope: Envelope) -> Metadata:
        return Metadata(
            tenant_id=envelope.tenantid,
            source=source,
            actor_id=actor,
            correlation_id=envelope.correlationid or str(envelope.id),
            recorded_at=clock.now(),
            causation_id=str(envelope.id),
            traceparent=envelope.traceparent,
        )

    def handler(reaction: Reaction) -> Handler:
        async def handle(conn: Any, envelope: Envelope, event: Event) -> None:
            await reaction(event, Heard(envelope.time, tx_of(conn, because_of(envelope))))

        return handle

    return {type_: handler(reaction) for type_, reaction in REACTIONS.items()}
