"""What is told to the product, and the oracle that hears the same: random companies of two tenants."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

from onefunnel.events import content, spec_of
from onefunnel.events.envelope import Record

# The oracle is that of metrics-service's own tests; their folder is no package that has a name.
_histories: Any = import_module("services.metrics-service.tests.oracle.histories")
_oracle: Any = import_module("services.metrics-service.tests.oracle.oracle")
_stage: Any = import_module("services.metrics-service.tests.adapters.stage")
Oracle, Fact, uid = _oracle.Oracle, _oracle.Fact, _histories.uid

Verb = Callable[[Any, Random], object]

TENANTS: Final = 2
_Teller: Any = _histories.Teller
# Rules and two deals in few events, for runs in which every statement counts.
SHORT: Final[Sequence[Verb]] = (
    _Teller.tenant, _Teller.funnel, _Teller.plan, _Teller.plan, _Teller.assignment,
    _Teller.some_deal, _Teller.some_deal,
)  # fmt: skip
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TENANT_BIT: Final = 48
_NAMES: Final = UUID(int=0)


@dataclass(frozen=True)
class Told:
    """One event of one tenant: what is to be told, and as which bytes."""

    number: int
    tenant: UUID
    fact: Any
    record: Record
    aggregate: UUID  # names the row of the producing service
    ordered: bool


def tenant_of(number: int) -> UUID:
    """Return a tenant's id."""
    return moved(uid("tenant", 0), number)


def moved(id_: UUID, tenant: int) -> UUID:
    """Return a tenant's own version of an id: no two tenants share one."""
    return UUID(int=id_.int + (tenant << _TENANT_BIT))


def company(seed: int, events: int, opening: Sequence[Verb] = _histories.OPENING) -> list[Told]:
    """Return what tenants have to tell, in an order in which all of it may be told."""
    each = [_facts(Random(f"{seed}/{n}"), events // TENANTS, opening, n) for n in range(TENANTS)]
    order = [n for n, facts in enumerate(each) for _ in facts]
    Random(seed).shuffle(order)
    queues = [iter(facts) for facts in each]
    return [_told(number, n, next(queues[n])) for number, n in enumerate(order)]


def oracles(told: Sequence[Told]) -> dict[UUID, Any]:
    """Return an oracle for each tenant, fed by what was told."""
    facts: dict[UUID, list[Any]] = defaultdict(list)
    for one in told:
        if one.ordered:
            facts[one.tenant].append(one.fact)
    return {tenant: Oracle(found) for tenant, found in facts.items()}


def _facts(r: Random, events: int, opening: Sequence[Verb], tenant: int) -> list[Any]:
    teller = _histories.Teller()
    for verb in opening:
        verb(teller, r)
    while len(teller.facts) < events:
        if r.random() < 0.1:
            teller.tell(_view(r, len(teller.facts)))
        else:
            r.choice(_histories.VERBS)(teller, r)
    return [_of_tenant(fact, tenant) for fact in teller.facts]


def _view(r: Random, n: int) -> content.ContentViewed:
    return content.ContentViewed(
        viewer_id=uid("viewer", r.randrange(3)),
        view_id=uid("view", n),
        asset_id=uid("asset", 0),
        version=1,
        viewed_at=_histories.instant(r),
    )


def _of_tenant(fact: Any, tenant: int) -> Any:
    text = _UUID.sub(
        lambda m: str(moved(UUID(m[0]), tenant)), fact.event.model_dump_json(by_alias=True)
    )
    event = type(fact.event).model_validate_json(text)
    return Fact(moved(fact.event_id, tenant), fact.sequence, event)


def _told(number: int, tenant: int, fact: Any) -> Told:
    spec = spec_of(fact.event)
    key = getattr(fact.event, spec.key)
    id_ = tenant_of(tenant)
    value = _stage.record_of(fact.event, fact.event_id, fact.sequence, tenant=id_)
    record = Record(fact.event_id, spec.topic, key, value)
    return Told(number, id_, fact, record, uuid5(_NAMES, f"{spec.aggregate}/{key}"), spec.ordered)
