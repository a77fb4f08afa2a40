"""The book, entry by entry."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from metrics_service.application.metric import Money, Refs
from metrics_service.application.queries.answer import Projection
from metrics_service.application.queries.pay_rows import LedgerRow
from metrics_service.application.queries.refs import refs
from metrics_service.application.queries.statement import cause_of
from metrics_service.application.queries.statement_answer import Cause


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry, never changed: the sum of a payee, component and earned period is what is owed."""

    entry_id: int
    payee: UUID
    component: str
    earned_period: str
    posted_period: str
    account: str
    kind: str
    amount: Money
    plan: UUID | None
    plan_version: int | None
    cause: Cause
    inputs: dict[str, Any]
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAnswer(Projection):
    """A page of the book in the order of posting."""

    items: list[LedgerEntry]
    next_cursor: str | None


def entry_of(row: LedgerRow) -> LedgerEntry:
    """Return an entry as it is shown."""
    return LedgerEntry(
        entry_id=row.entry_id,
        payee=row.payee_id,
        component=row.component,
        earned_period=row.earned_period,
        posted_period=row.posted_period,
        account=row.account,
        kind=row.kind,
        amount=Money(row.amount_minor, row.currency),
        plan=row.plan_id,
        plan_version=row.plan_version,
        cause=cause_of(row),
        inputs=row.inputs,
        posted_at=row.posted_at,
    )


def ledger_refs(rows: Iterable[LedgerRow]) -> Refs:
    """Return the ids in a page that have names."""
    known = list(rows)
    deals = [
        str(row.cause_entity)
        for row in known
        if row.cause_type and row.cause_type.startswith("onefunnel.deal.")
    ]
    return refs(person=[str(row.payee_id) for row in known], deal=deals)
