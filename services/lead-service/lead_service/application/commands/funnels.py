"""The tenant's settings, and the funnels that both sides agree on."""

from dataclasses import dataclass, field
from typing import TypedDict
from uuid import UUID

from lead_service.application.ports import Saved, Tx
from lead_service.application.views import FunnelView, TenantView
from lead_service.domain.funnel import DraftStep, Funnel, default_steps
from lead_service.domain.tenant import new_tenant
from onefunnel.errors import not_found
from onefunnel.ids import derived_id

DEFAULT_FUNNEL = "default"


def funnel_id(tenant_id: UUID, code: str) -> UUID:
    """Return the id of a funnel, which follows from its code."""
    return derived_id(tenant_id, "onefunnel", "funnel", code)


@dataclass(frozen=True, slots=True)
class SetUpTenant:
    """Give a tenant its calendar, its currency and its first funnel."""

    time_zone: str
    currency: str
    fiscal_year_start: int


async def set_up_tenant(command: SetUpTenant, *, tx: Tx) -> Saved[TenantView]:
    """Set a tenant up; asked again, only what differs changes."""
    known = await tx.tenants.find(tx.tenant_id)
    if known is None:
        tenant, event = new_tenant(
            tx.tenant_id,
            time_zone=command.time_zone,
            currency=command.currency,
            fiscal_year_start=command.fiscal_year_start,
        )
        saved = await tx.tenants.add(tenant, event)
        if saved is not None:
            await _first_funnel(tx)
            return saved
        known = await tx.tenants.get(tx.tenant_id)
    changed, events = known.become(
        time_zone=command.time_zone,
        currency=command.currency,
        fiscal_year_start=command.fiscal_year_start,
    )
    if not events:
        return await tx.tenants.unchanged(tx.tenant_id)
    return await tx.tenants.save(changed, *events)


async def _first_funnel(tx: Tx) -> None:
    funnel = Funnel(funnel_id(tx.tenant_id, DEFAULT_FUNNEL), DEFAULT_FUNNEL)
    active, event = funnel.propose(default_steps()).activate(1, tx.now)
    await tx.funnels.add(active, event)


class TenantChanges(TypedDict, total=False):
    """What a change of the settings may name."""

    time_zone: str
    currency: str
    fiscal_year_start: int


@dataclass(frozen=True, slots=True)
class ChangeTenant:
    """Change the tenant's calendar or currency."""

    changes: TenantChanges = field(repr=False)
    seen: int


async def change_tenant(command: ChangeTenant, *, tx: Tx) -> Saved[TenantView]:
    """Change the tenant's calendar or currency."""
    changes = command.changes
    known = await tx.tenants.get(tx.tenant_id, seen=command.seen)
    changed, events = known.become(
        time_zone=changes.get("time_zone", known.time_zone),
        currency=changes.get("currency", known.currency),
        fiscal_year_start=changes.get("fiscal_year_start", known.fiscal_year_start),
    )
    return await tx.tenants.save(changed, *events)


@dataclass(frozen=True, slots=True)
class ProposeFunnel:
    """Write down the next version of a funnel."""

    code: str
    steps: tuple[DraftStep, ...]


async def propose_funnel(command: ProposeFunnel, *, tx: Tx) -> Saved[FunnelView]:
    """Keep a version as a draft: it changes nothing until it is activated."""
    id_ = funnel_id(tx.tenant_id, command.code)
    known = await tx.funnels.find(id_)
    if known is None:
        saved = await tx.funnels.add(Funnel(id_, command.code).propose(command.steps))
        if saved is not None:
            return saved
        known = await tx.funnels.get(id_)
    return await tx.funnels.save(known.propose(command.steps))


@dataclass(frozen=True, slots=True)
class ActivateFunnel:
    """Put a version of a funnel in force."""

    code: str
    version: int


async def activate_funnel(command: ActivateFunnel, *, tx: Tx) -> Saved[FunnelView]:
    """Put a version in force; each of its steps has exactly one owner and an entry rule."""
    known = await tx.funnels.find(funnel_id(tx.tenant_id, command.code))
    if known is None:
        raise not_found("funnel")
    active, event = known.activate(command.version, tx.now)
    return await tx.funnels.save(active, event)
