"""Bodies of reconciliations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.domain.reconciliation import Reconciliation, Total, Totals
from onefunnel.http.bodies import Body, Shown


class ReconcileIn(Body):
    """From when on changes are read; else from where the last reconciliation stopped."""

    since: Annotated[
        AwareDatetime | None,
        Field(description="Read all that changed since then, such as before the connection."),
    ] = None


class TotalView(Shown):
    """A group of records, counted in the CRM and here; amounts are decimal text."""

    kind: str
    standing: str
    currency: str
    theirs: int
    ours: int
    their_amount: str
    our_amount: str
    agrees: bool


class DifferenceView(Shown):
    """A record that is not here as it is in the CRM."""

    kind: str
    external_id: str
    what: str


class ReconciliationView(Shown):
    """A CRM compared with us. `totals` is empty until both sides were counted."""

    id: UUID
    cause: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    read: int
    told: int
    totals: list[TotalView]
    differing: int
    differences: list[DifferenceView]
    fault: str | None


def reconciliation_view(run: Reconciliation) -> ReconciliationView:
    """Return what may be read about a reconciliation."""
    return ReconciliationView(
        id=run.id,
        cause=run.cause,
        status=run.status,
        started_at=run.started_at,
        finished_at=run.finished_at,
        read=run.read,
        told=run.told,
        totals=_totals(run.theirs, run.ours) if run.counted else [],
        differing=run.differing,
        differences=[
            DifferenceView(kind=one.kind, external_id=one.external_id, what=one.what)
            for one in run.samples
        ],
        fault=run.fault,
    )


def _totals(theirs: Totals, ours: Totals) -> list[TotalView]:
    views = []
    for group in sorted({*theirs, *ours}):
        their, our = theirs.get(group, Total()), ours.get(group, Total())
        kind, standing, currency = group
        agrees = (their.count, their.amount) == (our.count, our.amount)
        views.append(
            TotalView(
                kind=kind,
                standing=standing,
                currency=currency,
                theirs=their.count,
                ours=our.count,
                their_amount=format(their.amount, "f"),
                our_amount=format(our.amount, "f"),
                agrees=agrees,
            )
        )
    return views
