"""Where a read begins: the live generation, the tenant's rules, how far the fold is, the org chart."""

from collections import OrderedDict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.adapters.views_recount import recount
from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.metric import Freshness
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.org import EVER, FOREVER, Membership, Org, Person
from metrics_service.application.queries.recount import Recount, Rules
from metrics_service.application.queries.situation import Situation
from metrics_service.projections.definitions import Definitions
from onefunnel.events.directory import PersonChanged
from onefunnel.events.envelope import decode
from onefunnel.events.fast import decode_data

STALE_AFTER_S: Final = 60.0  # a fold that has not looked at the log for so long is not running

# Plain table names from here on are those of the generation that is live in this snapshot.
_ENTER: Final = text("""
    SELECT set_config('search_path', 'g' || live || ',public', true), live,
           current_setting('app.tenant')
    FROM projection_generation""")

_NUMBER: Final = text("SELECT max(rules) FROM definitions")
_RULES: Final = text("SELECT state FROM definitions WHERE rules = :number")

# A partition that is read to its end is right up to when the worker last looked; one that is not,
# up to the last event it folded, whose id begins with its milliseconds; one of which nothing was folded
# yet, up to when it held nothing. That event may be another tenant's, whose instant is not told: the
# second is rounded down. How much others write is not told either: what is counted is what waits of this
# tenant.
_FRESHNESS: Final = text("""
    SELECT min(CASE WHEN next_position >= end_position OR last_event_id IS NULL THEN seen_at
           ELSE to_timestamp(
               ('x' || left(replace(last_event_id::text, '-', ''), 12))::bit(48)::bigint / 1000
           ) END),
           (SELECT count(*) FROM parked_event),
           coalesce(bool_or(status = 'halted'), false),
           coalesce(bool_or(seen_at IS NULL), true),
           EXISTS (SELECT 1 FROM rederive),
           now(),
           (SELECT max(rules) FROM definitions)
    FROM stream_partition""")

# The newest event of each person: the stream knows its sequence, the journal has its record.
_PEOPLE: Final = text("""
    SELECT j.record FROM stream s
    JOIN journal j ON j.aggregate_code = s.aggregate_code AND j.aggregate_id = s.id
        AND j.aggregate_seq = s.seq AND j.aggregate_seq IS NOT NULL
    WHERE s.aggregate_code = :person""")

_PERSON_CHANGED: Final = "onefunnel.person.changed.v1"


async def enter_generation(conn: AsyncConnection) -> tuple[int, str]:
    """Let plain names mean the live generation to the end of the transaction; return it and the tenant."""
    _, live, tenant = (await conn.execute(_ENTER)).one()
    return live, tenant


async def read_definitions(conn: AsyncConnection) -> Definitions:
    """Return the tenant's rules as far as they are folded."""
    live, tenant = await enter_generation(conn)
    number = (await conn.execute(_NUMBER)).scalar_one()
    return await _rules_of(conn, tenant, live, number)


async def _rules_of(
    conn: AsyncConnection, tenant: str, live: int, number: int | None
) -> Definitions:
    """Return rules by their number, which says whether they are known already."""
    if number is None:
        return Definitions.empty()
    known = _KNOWN.get((tenant, live, number))
    if known is None:
        state = (await conn.execute(_RULES, {"number": number})).scalar_one()
        known = _KNOWN.keep((tenant, live, number), loaded_rules(state))
    return known


class _Known:
    """Rules by tenant, generation and number: immutable, and what they compile is worth keeping."""

    MAX: Final = 256

    def __init__(self) -> None:
        self._rules: OrderedDict[tuple[str, int, int], Definitions] = OrderedDict()

    def get(self, key: tuple[str, int, int]) -> Definitions | None:
        if key in self._rules:
            self._rules.move_to_end(key)
        return self._rules.get(key)

    def keep(self, key: tuple[str, int, int], rules: Definitions) -> Definitions:
        self._rules[key] = rules
        if len(self._rules) > self.MAX:
            self._rules.popitem(last=False)
        return rules


_KNOWN: Final = _Known()


@lru_cache(maxsize=64)
def loaded_rules(state: bytes) -> Definitions:
    """Return a snapshot of rules from its bytes."""
    return Definitions.load(state)


async def read_freshness(conn: AsyncConnection) -> Freshness:
    """Return how far the fold is, in a transaction that has entered the live generation."""
    return _fresh((await conn.execute(_FRESHNESS)).one())


def _fresh(row: Row[Any]) -> Freshness:
    as_of, lag_events, halted, unseen, rederiving, now, _number = tuple(row)
    if as_of is None or unseen:
        return Freshness(datetime.fromtimestamp(0, UTC), lag_events, stale=True)
    silent = (now - as_of).total_seconds() > STALE_AFTER_S
    return Freshness(as_of, lag_events, stale=halted or rederiving or silent)


class SqlSituations:
    """The situation of one tenant in one read; asked for twice, it is read once."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._situation: Situation | None = None
        self._org: Org | None = None
        self._recounted: tuple[Cut, Recount] | None = None

    async def situation(self) -> Situation:
        """Return the present situation of the tenant."""
        if self._situation is None:
            live, tenant = await enter_generation(self._conn)
            row = (await self._conn.execute(_FRESHNESS)).one()
            rules = await _rules_of(self._conn, tenant, live, row[-1])
            self._situation = Situation(_fresh(row), rules)
        return self._situation

    async def org(self) -> Org:
        """Return the org chart over time."""
        if self._org is None:
            found = await self._conn.execute(_PEOPLE, {"person": AGGREGATE_CODE["person"]})
            self._org = Org([_person(row.record) for row in found])
        return self._org

    async def recount(self, cut: Cut) -> Recount:
        """Return the contributions of every entity that may count, for what no counter knows."""
        if self._recounted is None or self._recounted[0] != cut:
            situation = await self.situation()
            rules = Rules(situation.definitions, await self.org(), situation.today)
            self._recounted = (cut, await recount(self._conn, cut, rules))
        return self._recounted[1]


def _person(record: bytes) -> Person:
    event = cast(PersonChanged, decode_data(_PERSON_CHANGED, decode(record).data))
    memberships = tuple(
        Membership(
            first=m.from_ or EVER,
            last=m.to or FOREVER,
            manager=_text(m.manager_id),
            team=_text(m.team),
            region=_text(m.region),
        )
        for m in event.memberships
    )
    return Person(event.person_id, event.kind, event.active, memberships)


def _text(value: object | None) -> str:
    return "" if value is None else str(value)
