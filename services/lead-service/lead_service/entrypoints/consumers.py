"""Which events the lead service reacts to."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from lead_service.application.following import CrmRecords, follow_crm
from lead_service.application.ports import BatchFactory
from lead_service.application.reactions import Qualifications, note_qualified
from onefunnel import telemetry
from onefunnel.clock import Clock
from onefunnel.events.catalogue import Event
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.events.envelope import Envelope, Metadata
from onefunnel.events.scoring import LeadQualified
from onefunnel.log.arrivals import Handler

GROUP: Final = "lead-service"
SYSTEM: Final = "system:lead-service"

_log = telemetry.log("reactions")


def handlers(
    qualifications: Callable[[Any], Qualifications],
    crm_records: Callable[[Any, Envelope], CrmRecords],
    batch: BatchFactory,
    clock: Clock,
    source: str,
) -> Mapping[str, Handler]:
    """Return the handler of each event type; each works in the transaction it is given."""

    async def on_lead_qualified(conn: Any, envelope: Envelope, event: Event) -> None:
        qualified = cast(LeadQualified, event)
        await note_qualified(qualified, envelope.tenantid, qualifications=qualifications(conn))

    async def on_crm_change(conn: Any, envelope: Envelope, event: Event) -> None:
        metadata = Metadata(
            tenant_id=envelope.tenantid,
            source=source,
            actor_id=SYSTEM,
            correlation_id=envelope.correlationid or str(envelope.id),
            recorded_at=clock.now(),
            causation_id=str(envelope.id),
            traceparent=envelope.traceparent,
        )
        problem = await follow_crm(
            cast(CrmChangeReceived, event),
            records=crm_records(conn, envelope),
            batch=batch(conn, metadata, imported=True),
        )
        if problem is not None:
            _log.warning("crm.not_followed", event_id=str(envelope.id), problem=problem)

    return {
        "onefunnel.lead.qualified.v1": on_lead_qualified,
        "onefunnel.crm.change_received.v1": on_crm_change,
    }
