"""What is kept beside the aggregates: settings as read, references, the org chart, entries."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, exists, insert, select, text, update

from lead_service.adapters import tables
from lead_service.adapters.directory_rows import memberships_of
from lead_service.adapters.personal import ACTIVITY, SPEND
from lead_service.adapters.repositories import Unit
from lead_service.adapters.shapes import FUNNELS, TENANTS
from lead_service.application.commands.terms import unknown
from lead_service.application.ports import Kind, Reference
from lead_service.application.views import ActivityView, SpendView, TouchView
from lead_service.domain.deal import Activity
from lead_service.domain.directory import Spend
from lead_service.domain.funnel import Funnel
from lead_service.domain.lead import Touch
from lead_service.domain.org import Chart
from lead_service.domain.tenant import Tenant
from onefunnel.errors import conflict
from onefunnel.events.values import Money
from onefunnel.persistence.database import driver_of
from onefunnel.vault.stored import Words

_KINDS: Final = ("person", "account", "product", "campaign", "lead", "deal")


def not_set_up() -> Exception:
    """Return the error for a tenant whose calendar and currency nobody has set."""
    return conflict("This tenant is not set up yet: it has no calendar, currency and funnel.")


class StoredSettings:
    """Settings, read at most once per transaction."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._tenant: Tenant | None = None
        self._funnels: dict[str, Funnel] = {}

    async def tenant(self) -> Tenant:
        """Return the tenant's calendar and currency; raise conflict if the tenant is not set up."""
        if self._tenant is None:
            found = await self._unit.conn.execute(
                select(tables.TENANT).where(
                    tables.TENANT.c.tenant_id == self._unit.metadata.tenant_id
                )
            )
            row = found.mappings().one_or_none()
            if row is None:
                raise not_set_up()
            self._tenant = TENANTS.from_row(dict(row))
        return self._tenant

    async def funnel(self, code: str) -> Funnel:
        """Return the funnel in force; raise an unknown-reference error if there is none."""
        if code not in self._funnels:
            found = await self._unit.conn.execute(
                select(tables.FUNNEL).where(
                    tables.FUNNEL.c.tenant_id == self._unit.metadata.tenant_id,
                    tables.FUNNEL.c.code == code,
                    tables.FUNNEL.c.active.is_not(None),
                )
            )
            row = found.mappings().one_or_none()
            if row is None:
                await self.tenant()
                raise unknown(["/funnel"])
            self._funnels[code] = FUNNELS.from_row(dict(row))
        return self._funnels[code]


class StoredReferences:
    """Whether ids that a body mentions exist, in one question."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def require(self, references: Sequence[Reference]) -> None:
        """Raise `unknown-reference`, with the place, if one does not exist."""
        if not references:
            return
        wanted: dict[Kind, list[UUID]] = {}
        for reference in references:
            wanted.setdefault(reference.kind, []).append(reference.id)
        found = await self.existing(wanted)
        missing = [r.pointer for r in references if r.id not in found]
        if missing:
            raise unknown(missing)

    async def existing(self, wanted: Mapping[Kind, Sequence[UUID]]) -> set[UUID]:
        """Return those ids that exist, by one question."""
        kinds = sorted(wanted)
        # A tenant id beside the row policy, so that the primary key is used.
        question = " UNION ALL ".join(
            f"SELECT id FROM {kind} WHERE tenant_id = $1 AND id = ANY(${n}::uuid[])"
            for n, kind in enumerate(kinds, start=2)
        )
        rows = await driver_of(self._unit.conn).fetch(
            question, self._unit.metadata.tenant_id, *(wanted[kind] for kind in kinds)
        )
        return {row["id"] for row in rows}


class StoredOrgChart:
    """Everybody's memberships."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def chart(self) -> Chart:
        """Return the whole chart; no other transaction changes it until this one ends."""
        tenant_id = self._unit.metadata.tenant_id
        # Two changes that are fine alone can make a circle together: one at a time.
        await self._unit.conn.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended('org:' || :tenant, 0))"),
            {"tenant": str(tenant_id)},
        )
        found = await self._unit.conn.execute(
            select(tables.PERSON.c.id, tables.PERSON.c.memberships).where(
                tables.PERSON.c.tenant_id == tenant_id
            )
        )
        return {row.id: memberships_of(row.memberships) for row in found}


class _Book:
    """Rows that are added to one table."""

    def __init__(self, unit: Unit, table: Table) -> None:
        self._unit = unit
        self._table = table

    async def _add(self, **values: Any) -> None:
        tenant_id = self._unit.metadata.tenant_id
        await self._unit.conn.execute(insert(self._table), {"tenant_id": tenant_id, **values})


class StoredSpend(_Book):
    """A campaign's spend."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit, tables.SPEND)

    async def find(self, spend_id: UUID) -> Spend | None:
        """Return one entry, without its note."""
        table = tables.SPEND
        found = await self._unit.conn.execute(select(table).where(table.c.id == spend_id))
        row = found.one_or_none()
        if row is None:
            return None
        amount = Money(amount_minor=row.amount_minor, currency=row.currency)
        return Spend(row.id, row.campaign_id, row.spent_on, amount, row.reverses)

    async def reversed(self, spend_id: UUID) -> bool:
        """Say whether an entry has been taken back."""
        question = select(exists().where(tables.SPEND.c.reverses == spend_id))
        return bool((await self._unit.conn.execute(question)).scalar_one())

    async def add(self, entry: Spend) -> SpendView:
        """Keep an entry."""
        view = spend_view(entry)
        await self._add(**without_note(view))
        await self._unit.vault.write(spend_words(view), new=(view.id,))
        return view


class StoredTouches(_Book):
    """The contacts with leads."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit, tables.TOUCH)

    async def of(self, lead_id: UUID, *, limit: int) -> Sequence[Touch]:
        """Return a lead's touches, oldest first."""
        table = tables.TOUCH
        found = await self._unit.conn.execute(
            select(table)
            .where(table.c.lead_id == lead_id)
            .order_by(table.c.touched_at, table.c.id)
            .limit(limit)
        )
        return [
            Touch(
                id=row.id,
                touched_at=row.touched_at,
                side=row.side,
                channel=row.channel,
                human=row.human,
                campaign_id=row.campaign_id,
                person_id=row.person_id,
            )
            for row in found
        ]

    async def add(self, lead_id: UUID, touch: Touch) -> TouchView:
        """Keep a touch; its note is in the timeline."""
        view = touch_view(lead_id, touch)
        await self._add(**without_note(view))
        return view

    async def move(self, lead_id: UUID, *, to: UUID) -> None:
        """Give a merged lead's touches to the one that survives."""
        table = tables.TOUCH
        await self._unit.conn.execute(
            update(table).where(table.c.lead_id == lead_id).values(lead_id=to)
        )


class StoredActivities(_Book):
    """The work on deals."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit, tables.ACTIVITY)

    async def add(self, activity: Activity) -> ActivityView:
        """Keep an activity."""
        view = activity_view(activity)
        await self._add(**without_note(view))
        await self._unit.vault.write(activity_words(view))
        return view


def spend_view(entry: Spend) -> SpendView:
    """Return how an entry is shown and stored."""
    return SpendView(
        id=entry.id,
        campaign_id=entry.campaign_id,
        spent_on=entry.spent_on,
        amount_minor=entry.amount.amount_minor,
        currency=entry.amount.currency,
        reverses=entry.reverses,
        note=entry.note,
    )


def activity_view(activity: Activity) -> ActivityView:
    """Return how an activity is shown and stored."""
    return ActivityView(
        id=activity.id,
        deal_id=activity.deal_id,
        at=activity.at,
        kind=activity.kind,
        person_id=activity.person_id,
        two_way=activity.two_way,
        note=activity.note,
    )


def without_note(view: TouchView | ActivityView | SpendView) -> dict[str, Any]:
    """Return what of a view goes into its table."""
    return {name: value for name, value in vars(view).items() if name != "note"}


def spend_words(view: SpendView) -> list[Words]:
    """Return what of an entry goes into the vault, under a key of its own: it is about nobody we know."""
    return [Words(view.id, SPEND.field, 1, {"note": view.note})] if view.note is not None else []


def activity_words(view: ActivityView) -> list[Words]:
    """Return what of an activity goes into the vault, under the key of its deal."""
    if view.note is None:
        return []
    return [Words(view.deal_id, f"{ACTIVITY.field}{view.id}", 1, {"note": view.note})]


def touch_view(lead_id: UUID, touch: Touch) -> TouchView:
    """Return how a touch is shown and stored."""
    return TouchView(
        id=touch.id,
        lead_id=lead_id,
        touched_at=touch.touched_at,
        side=touch.side,
        channel=touch.channel,
        human=touch.human,
        campaign_id=touch.campaign_id,
        person_id=touch.person_id,
        note=touch.note,
    )
