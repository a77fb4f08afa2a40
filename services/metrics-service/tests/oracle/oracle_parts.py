"""What the oracle's parts share: plain tallies, first reach, entries and reach."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from onefunnel.events import Event

Counters = dict[tuple[str, tuple[Any, ...]], tuple[int, ...]]


class Fact(NamedTuple):
    """One event as it was published."""

    event_id: UUID
    sequence: int
    event: Event


FIELDS = {
    "FunnelKey": "entered imputed converted converted_ever lost amount_minor reached"
    " reached_amount_minor",
    "PipelineKey": "open amount_minor",
    "SalesKey": "created created_minor won lost lost_minor no_decision no_decision_minor"
    " disqualified disqualified_minor revenue_minor refunded_minor list_minor listed_revenue_minor"
    " cost_minor costed_revenue_minor uncosted_lines assumed_lines assumed_cost_minor cycles"
    " cycle_days",
    "DurationKey": "visits",
    "LeadUseKey": "delivered worked",
    "ContentUseKey": "shares deal_shares",
}


class Tally:
    """Sums by table, key and field."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, tuple[Any, ...]], dict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )

    def add(self, table: str, key: tuple[Any, ...], **amounts: int | bool) -> None:
        for field, amount in amounts.items():
            assert field in FIELDS[table].split()
            self.sums[table, key][field] += int(amount)

    def counters(self) -> Counters:
        rows = {
            place: tuple(sums[field] for field in FIELDS[place[0]].split())
            for place, sums in self.sums.items()
        }
        return {place: row for place, row in rows.items() if any(row)}


def text_of(value: object) -> str:
    return "" if value is None else str(value)


def newest(facts: list[Fact], *kinds: type[Event]) -> Event | None:
    found = [fact for fact in facts if isinstance(fact.event, kinds)]
    return max(found, key=lambda fact: fact.sequence).event if found else None


def reach(own: list[datetime | None]) -> list[tuple[int, datetime, bool]]:
    """First reach of each step: the earliest own entry of it or of any later step."""
    found = []
    for rank, mine in enumerate(own):
        known = [at for at in own[rank:] if at is not None]
        if known:
            found.append((rank, min(known), mine != min(known)))
    return found


def count_entries(
    tally: Tally, head: Any, entries: Any, steps: Any, worth: Any, ended_at: Any, oracle: Any
) -> None:
    currency, amount = worth
    for place, (rank, at, imputed) in enumerate(entries):
        window = timedelta(days=steps[rank].window_days)
        later = entries[place + 1 :]
        tally.add(
            "FunnelKey",
            (*head, currency, oracle.day(at), steps[rank].key),
            entered=1,
            imputed=imputed,
            converted=bool(later) and later[0][1] - at <= window,
            converted_ever=bool(later),
            lost=not later and ended_at is not None and ended_at - at <= window,
            amount_minor=amount,
        )


def count_reach(
    tally: Tally, head: Any, entries: Any, steps: Any, worth: Any, oracle: Any, began: Any = None
) -> None:
    currency, amount = worth
    for rank, _at, _imputed in entries:
        key = (*head, currency, oracle.day(began or entries[0][1]), steps[rank].key)
        tally.add("FunnelKey", key, reached=1, reached_amount_minor=amount)
