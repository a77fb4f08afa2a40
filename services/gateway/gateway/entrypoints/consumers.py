"""Which events the gateway takes in: those that webhooks tell of."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson

from gateway.application.subscriptions import Announcements, announced
from gateway.domain.published import PUBLISHED, Published
from onefunnel.clock import Clock
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope
from onefunnel.log.arrivals import Handler

GROUP: Final = "gateway"


def handlers(announcements: Callable[[Any], Announcements], clock: Clock) -> Mapping[str, Handler]:
    """Return the handler of each event type; each works in the transaction it is given."""

    async def tell(published: Published, conn: Any, envelope: Envelope, _event: Event) -> None:
        event = announced(
            published,
            orjson.loads(bytes(envelope.data)),
            event_id=envelope.id,
            at=envelope.time,
            recorded_at=envelope.recordedtime,
        )
        await announcements(conn).announce(envelope.tenantid, event, clock.now())

    return {type_: partial(tell, published) for type_, published in PUBLISHED.items()}
