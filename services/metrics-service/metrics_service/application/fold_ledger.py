"""Pay keys of a turn: owed minus posted, under the key's lock, into the book."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import LedgerKey, PayKey, PayVector
from metrics_service.projections.pay.owed import owed
from metrics_service.projections.pay.posting import posting

EARNED: Final = "EARNED"
Credited = Sequence[tuple[PayKey, PayVector]]


class Balance(NamedTuple):
    """What a ledger key is credited with, and the sum that the book has for it."""

    credited: Credited
    posted_minor: int


class Entry(NamedTuple):
    """One line of the book."""

    tenant_id: UUID
    payee_id: UUID
    component: str
    earned_period: str
    posted_period: str
    currency: str
    account: str
    kind: str
    amount_minor: int
    plan_id: UUID | None
    plan_version: int | None
    cause_event_id: UUID
    inputs: dict[str, object]


def entries(
    tenant_id: UUID,
    causes: Mapping[LedgerKey, UUID],
    balances: Mapping[LedgerKey, Balance],
    rules: Definitions,
) -> Iterable[Entry]:
    """Yield what brings the book to what is owed: one entry per key that differs."""
    for key, cause in causes.items():
        credited, posted = balances[key]
        due = owed(key, credited, rules)
        if due != posted:
            yield _entry(tenant_id, key, cause, due - posted, balances[key], rules)


def _entry(
    tenant_id: UUID,
    key: LedgerKey,
    cause: UUID,
    amount_minor: int,
    balance: Balance,
    rules: Definitions,
) -> Entry:
    period, kind = posting(key, rules)
    plan_id = balance.credited[-1][0].plan_id if balance.credited else None
    plan = rules.plans.get(plan_id) if plan_id else None
    return Entry(
        tenant_id=tenant_id,
        payee_id=key.payee_id,
        component=key.component,
        earned_period=key.earned_period,
        posted_period=period,
        currency=key.currency,
        account=EARNED,
        kind=kind,
        amount_minor=amount_minor,
        plan_id=plan_id,
        plan_version=plan.version if plan else None,
        cause_event_id=cause,
        inputs=_inputs(balance, amount_minor),
    )


def _inputs(balance: Balance, amount_minor: int) -> dict[str, object]:
    """Return what the entry was computed from, for whoever asks why."""
    credited = [
        {"assignment_id": str(key.assignment_id), "plan_id": str(key.plan_id), **vector._asdict()}
        for key, vector in balance.credited
    ]
    posted = balance.posted_minor
    return {"owed_minor": posted + amount_minor, "posted_minor": posted, "credited": credited}
