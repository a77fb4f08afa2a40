"""How the gateway stands with everybody outside, in a few numbers over all tenants."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gateway.adapters.repositories import Transactions
from onefunnel.metrics import GaugeName
from onefunnel.persistence.database import driver_of

# An endpoint that its owner paused fails nobody; one that we paused waits for its owner.
_LOOK: Final[Mapping[GaugeName, str]] = {
    "webhook_deliveries_waiting": """
        SELECT count(*) FROM webhook_delivery d JOIN webhook_subscription s
          ON s.tenant_id = d.tenant_id AND s.id = d.subscription_id
        WHERE d.status = 'waiting' AND s.state = 'active'""",
    "webhook_oldest_age_seconds": """
        SELECT extract(epoch FROM $1 - min(d.created_at))
        FROM webhook_delivery d JOIN webhook_subscription s
          ON s.tenant_id = d.tenant_id AND s.id = d.subscription_id
        WHERE d.status = 'waiting' AND s.state = 'active'""",
    "webhook_subscriptions_failing": """
        SELECT count(*) FROM webhook_subscription
        WHERE paused_because IN ('gone', 'failing')
           OR state = 'active' AND failing_since < $1 - interval '1 hour'""",
    "crm_deliveries_unread": "SELECT count(*) FROM delivery WHERE status = 'stored'",
    "crm_unread_oldest_age_seconds": """
        SELECT extract(epoch FROM $1 - min(received_at)) FROM delivery WHERE status = 'stored'""",
    # What a call only hinted at is read in the CRM; its place in the line is as old as the call.
    "crm_changes_waiting": """
        SELECT count(*) FROM record_read r JOIN delivery d
          ON d.tenant_id = r.tenant_id AND d.id = r.delivery_id
        JOIN connection c ON c.tenant_id = r.tenant_id AND c.id = r.connection_id
        WHERE c.state = 'active' AND d.received_at < $1 - interval '1 day'""",
    "crm_connections_needing_attention": """
        SELECT count(*) FROM connection WHERE state = 'active' AND attention IS NOT NULL""",
}
_ALL: Final = "SELECT " + ", ".join(f"({look})::float8" for look in _LOOK.values())
NAMES: Final = tuple(_LOOK)


class Outside:
    """Looks at subscribers and CRMs, in a database that sees all tenants."""

    def __init__(self, database: Transactions) -> None:
        self._database = database

    async def __call__(self, now: datetime) -> Mapping[GaugeName, float]:
        """Return each number by its name."""
        async with self._database.transaction() as conn:
            row = await driver_of(conn).fetchrow(_ALL, now)
        assert row is not None, "numbers without a table have one row"
        return {name: max(0.0, value or 0.0) for name, value in zip(_LOOK, row, strict=True)}
