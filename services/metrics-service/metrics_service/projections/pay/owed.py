"""What is owed under a ledger key: a pure function of its pay keys' vectors and the rules."""

from collections.abc import Iterable

from metrics_service.projections.definitions import Definitions
from metrics_service.projections.keys import ADJUSTMENTS, LedgerKey, PayKey, PayVector
from metrics_service.projections.pay.quota import quota_share
from metrics_service.projections.pay.rates import payout
from metrics_service.projections.pay.rounding import rounded


def ledger_key(key: PayKey) -> LedgerKey:
    """Return the ledger key that a pay key adds to."""
    return LedgerKey(key.payee_id, key.component, key.earned_period, key.currency)


def owed(
    key: LedgerKey, credited: Iterable[tuple[PayKey, PayVector]], definitions: Definitions
) -> int:
    """Return what a person is owed: each assignment's payout rounded once, then added."""
    if key.component == ADJUSTMENTS:
        return definitions.adjusted.get(key, 0)
    return sum(owed_under(pay_key, vector, definitions) for pay_key, vector in credited)


def owed_under(key: PayKey, vector: PayVector, definitions: Definitions) -> int:
    """Return what one assignment owes: nothing once its plan no longer has the component."""
    plan = definitions.plans.get(key.plan_id)
    component = plan.component_of.get(key.component) if plan else None
    if plan is None or component is None:
        return 0
    quota = quota_share(key, component, definitions)
    return rounded(payout(component, vector, quota), plan.rounding)
