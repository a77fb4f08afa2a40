"""The book and the deals behind it, straight from SQL."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.counter_tables import TABLE_OF
from metrics_service.adapters.pay_words import read_reasons
from metrics_service.adapters.views_situation import loaded_rules
from metrics_service.application.fold_codes import AGGREGATE_CODE, TYPE_CODE, TYPE_NAME
from metrics_service.application.queries.pay_rows import CreditedDeal, LedgerFilter, LedgerRow
from metrics_service.projections.definitions import Definitions
from metrics_service.projections.facts import DealFacts, load_deal
from metrics_service.projections.keys import PayKey, PayVector
from onefunnel.vault.keyring import Keyring

_LEDGER: Final = """
    SELECT l.entry_id, l.payee_id, l.component, l.earned_period, l.posted_period, l.account,
           l.kind, l.amount_minor, l.currency, l.plan_id, l.plan_version, l.cause_event_id,
           j.type_code, j.aggregate_id AS cause_entity, j.occurred_at AS cause_at, l.inputs, l.posted_at
    FROM ledger_entry l LEFT JOIN journal j ON j.event_id = l.cause_event_id
    WHERE {where} ORDER BY l.entry_id LIMIT :limit"""

_POSTED: Final = text("""
    SELECT DISTINCT payee_id, posted_period FROM ledger_entry
    WHERE CAST(:payees AS uuid[]) IS NULL OR payee_id = ANY(CAST(:payees AS uuid[]))""")

_PAIRS: Final = """(l.payee_id, l.posted_period) IN (
    SELECT * FROM unnest(CAST(:payees AS uuid[]), CAST(:periods AS text[])))"""

_FROZEN_RULES: Final = text("SELECT state FROM closed_rules WHERE period = :period")
_FROZEN: Final = text("""
    SELECT deal_id, facts, deal_seq FROM closed_deal
    WHERE period = :period AND CAST(:person AS uuid) = ANY(people) ORDER BY deal_id""")

_CREDITED: Final = text("""
    SELECT d.id, d.facts, d.deal_seq FROM deal_credit c JOIN deal d ON d.id = c.deal_id
    WHERE c.person_id = :person AND c.booked_on BETWEEN :first AND :last
    ORDER BY c.booked_on, d.id""")

_CREDITED_TO: Final = text("""
    SELECT c.person_id, d.id, d.facts FROM deal_credit c JOIN deal d ON d.id = c.deal_id
    WHERE c.person_id = ANY(CAST(:people AS uuid[])) AND c.booked_on BETWEEN :first AND :last
    ORDER BY c.person_id, c.booked_on, d.id""")

_BOOKING_TYPES: Final = [
    TYPE_CODE[f"onefunnel.deal.{name}.v1"]
    for name in ("won", "lost", "reopened", "cancelled", "refunded")
]
_EVENTS: Final = text("""
    SELECT j.aggregate_id, array_agg(j.event_id ORDER BY j.aggregate_seq)
    FROM unnest(CAST(:deals AS uuid[]), CAST(:sequences AS int[])) AS d (id, sequence)
    JOIN journal j ON j.aggregate_code = :deal AND j.aggregate_id = d.id
        AND j.aggregate_seq <= d.sequence AND j.aggregate_seq IS NOT NULL
    WHERE j.type_code = ANY(CAST(:types AS smallint[])) GROUP BY j.aggregate_id""")

_CLOSED_AT: Final = text("SELECT closed_at FROM pay_period WHERE name = :period")
_ADJUSTED: Final = text("SELECT id, tenant_id FROM pay_adjustment WHERE person_id = :person")

_PAY: Final = TABLE_OF[PayKey]
_TOTALS: Final = f"""
    SELECT {", ".join(column for column, _ in _PAY.key)}, {", ".join(_PAY.sums)}
    FROM {_PAY.name} WHERE earned_period = :period {{person}}
    ORDER BY payee_id, component, assignment_id"""


class SqlPayRows:
    """The rows of pay for one read."""

    def __init__(self, conn: AsyncConnection, keyring: Keyring) -> None:
        self._conn = conn
        self._keyring = keyring

    async def ledger(
        self, wanted: LedgerFilter, *, after: int | None, limit: int
    ) -> Sequence[LedgerRow]:
        """Return entries in the order they were posted, after the one with this id."""
        conditions, values = _conditions(wanted, after)
        statement = text(_LEDGER.format(where=" AND ".join(conditions)))
        found = await self._conn.execute(statement, {**values, "limit": limit})
        return [_ledger_row(row) for row in found]

    async def posted(self, payees: Sequence[UUID] | None) -> Sequence[tuple[UUID, str]]:
        """Return the payees, of some or of all, with the periods in which something was posted for them."""
        found = await self._conn.execute(_POSTED, {"payees": None if payees is None else [*payees]})
        return [(payee, period) for payee, period in found]

    async def frozen_rules(self, period: str) -> Definitions | None:
        """Return the rules that a closed period was computed with, None while it is open."""
        state = (await self._conn.execute(_FROZEN_RULES, {"period": period})).scalar_one_or_none()
        return None if state is None else loaded_rules(state)

    async def frozen(self, person: UUID, period: str) -> Sequence[CreditedDeal]:
        """Return the deals that credited a person in a closed period, as they were at its close."""
        found = await self._conn.execute(_FROZEN, {"person": person, "period": period})
        return [CreditedDeal(deal, load_deal(facts), seq) for deal, facts, seq in found]

    async def credited(self, person: UUID, first: date, last: date) -> Sequence[CreditedDeal]:
        """Return the won deals booked between two days, both inclusive, that credit a person."""
        values = {"person": person, "first": first, "last": last}
        found = await self._conn.execute(_CREDITED, values)
        return [CreditedDeal(deal, load_deal(facts), seq) for deal, facts, seq in found]

    async def credited_to(
        self, people: Sequence[UUID], first: date, last: date
    ) -> Sequence[tuple[UUID, UUID, DealFacts]]:
        """Return (person, deal, facts) for all won deals booked in between that credit one of them."""
        values = {"people": list(people), "first": first, "last": last}
        found = await self._conn.execute(_CREDITED_TO, values)
        return [(person, deal_id, load_deal(facts)) for person, deal_id, facts in found]

    async def booking_events(self, deals: Sequence[CreditedDeal]) -> Mapping[UUID, list[UUID]]:
        """Return for each deal the events up to its sequence that decide about its booking."""
        values = {
            "deal": AGGREGATE_CODE["deal"],
            "deals": [deal.id for deal in deals],
            "sequences": [deal.sequence for deal in deals],
            "types": _BOOKING_TYPES,
        }
        found = await self._conn.execute(_EVENTS, values)
        return {deal_id: list(events) for deal_id, events in found}

    async def closed_at(self, period: str) -> datetime | None:
        """Return when a period was closed."""
        found: datetime | None = (
            await self._conn.execute(_CLOSED_AT, {"period": period})
        ).scalar_one_or_none()
        return found

    async def reasons(self, person: UUID) -> Mapping[UUID, str]:
        """Return the reasons of a person's adjustments in words, by id."""
        rows = (await self._conn.execute(_ADJUSTED, {"person": person})).all()
        if not rows:
            return {}
        people = {row.id: person for row in rows}
        return await read_reasons(self._conn, rows[0].tenant_id, self._keyring, people)

    async def totals(self, person: UUID | None, period: str) -> Sequence[tuple[PayKey, PayVector]]:
        """Return what was credited in a period, for a person or for everybody."""
        values: dict[str, Any] = {"period": period}
        condition = ""
        if person is not None:
            condition, values["person"] = "AND payee_id = :person", person
        found = await self._conn.execute(text(_TOTALS.format(person=condition)), values)
        width = len(_PAY.key)
        return [(PayKey(*row[:width]), PayVector(*row[width:])) for row in map(tuple, found)]


def _conditions(wanted: LedgerFilter, after: int | None) -> tuple[list[str], dict[str, Any]]:
    given = {
        "payee_id": wanted.payee,
        "posted_period": wanted.posted_period,
        "earned_period": wanted.earned_period,
        "component": wanted.component,
    }
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    conditions = ["true", *(f"l.{name} = :{name}" for name in values)]
    if wanted.pairs is not None:
        conditions.append(_PAIRS)
        values["payees"] = [payee for payee, _ in wanted.pairs]
        values["periods"] = [period for _, period in wanted.pairs]
    if after is not None:
        conditions.append("l.entry_id > :after")
        values["after"] = after
    return conditions, values


def _ledger_row(row: Row[Any]) -> LedgerRow:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
    type_code = fields.pop("type_code")
    return LedgerRow(**fields, cause_type=None if type_code is None else TYPE_NAME[type_code])
