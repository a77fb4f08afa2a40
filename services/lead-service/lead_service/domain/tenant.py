"""The tenant's calendar and currency."""

from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from onefunnel.errors import invalid
from onefunnel.events.directory import TenantChanged


@dataclass(frozen=True, slots=True)
class Tenant:
    """What every date and amount of the tenant is read by."""

    id: UUID
    time_zone: str
    currency: str
    fiscal_year_start: int

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone that dates are read in."""
        return ZoneInfo(self.time_zone)

    def become(
        self, *, time_zone: str, currency: str, fiscal_year_start: int
    ) -> tuple["Tenant", tuple[TenantChanged, ...]]:
        """Set the calendar and the currency; no event if they are as they were."""
        changed = replace(
            self, time_zone=time_zone, currency=currency, fiscal_year_start=fiscal_year_start
        )
        if changed == self:
            return self, ()
        check_zone(time_zone)
        return changed, (changed.fact(),)

    def fact(self) -> TenantChanged:
        """Return the event that says how things are."""
        return TenantChanged(
            tenant_id=self.id,
            time_zone=self.time_zone,
            currency=self.currency,
            fiscal_year_start=self.fiscal_year_start,
        )


def new_tenant(
    tenant_id: UUID, *, time_zone: str, currency: str, fiscal_year_start: int
) -> tuple[Tenant, TenantChanged]:
    """Set up a tenant."""
    check_zone(time_zone)
    tenant = Tenant(tenant_id, time_zone, currency, fiscal_year_start)
    return tenant, tenant.fact()


def check_zone(name: str) -> None:
    """Refuse a time zone that is not in the IANA database."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise invalid(
            "This is no IANA time zone; use a name such as Europe/Berlin.", pointer="/time_zone"
        ) from None
