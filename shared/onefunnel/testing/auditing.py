"""Rows of the audit for tests that call what an operator does without a request."""

from uuid import UUID

from onefunnel.audit.entry import Entry, Marked, Marks
from onefunnel.clock import SystemClock
from onefunnel.ids import new_id

KEY = b"a key for tests only, 32 bytes.."


def done_by(principal_id: str, tenant_id: UUID) -> Marked:
    """Return the row of a change that `principal_id` makes."""
    entry = Entry(
        tenant_id=tenant_id,
        id=new_id(),
        recorded_at=SystemClock().now(),
        principal_id=principal_id,
        role="admin",
        person_id=None,
        resource="internal",
        action="test",
        operation="test",
        object_id=None,
        version=None,
        event_id=None,
        told="{}",
        request_id="test",
        digest=bytes(32),
    )
    return Marks(KEY).marked(entry)
