"""Which events the lead service reacts to."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from lead_service.application.reactions import Qualifications, note_qualified
from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope
from onefunnel.events.scoring import LeadQualified
from onefunnel.log.arrivals import Handler

GROUP = "lead-service"


def handlers(qualifications: Callable[[Any], Qualifications]) -> Mapping[str, Handler]:
    """Return the handler of each event type; each works in the transaction it is given."""

    async def on_lead_qualified(conn: Any, envelope: Envelope, event: Event) -> None:
        qualified = cast(LeadQualified, event)
        await note_qualified(qualified, envelope.tenantid, qualifications=qualifications(conn))

    return {"onefunnel.lead.qualified.v1": on_lead_qualified}
