"""Utilization: leads that sales worked, assets that sales used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from metrics_service.application.metric import Basis, Window, rate, share
from metrics_service.application.queries.answer import cut_head
from metrics_service.application.queries.cut import Cut, explain
from metrics_service.application.queries.org import Org
from metrics_service.application.queries.refs import refs, refs_of
from metrics_service.application.queries.situation import Situation
from metrics_service.application.queries.utilization_answer import (
    ContentUse,
    ContentUseAnswer,
    LeadUse,
    LeadUseAnswer,
)
from metrics_service.projections.keys import LeadUseVector

WORKED_WITHIN_DAYS: Final = 14
LEAD_RULES: Final = f"worked within {WORKED_WITHIN_DAYS} days v1"
UNUSED_SHOWN: Final = 200

ContentDimension = Literal["kind", "stage", "segment", "owner", "asset"]


class LeadUseRow(NamedTuple):
    """Sums of one group; `late` are those whose days are not over yet."""

    group: str
    late: bool
    sums: LeadUseVector


class AssetRow(NamedTuple):
    """An asset that was active in a window, and how often it was shared in it."""

    asset_id: UUID
    group: str
    active_from: date
    active_until: date  # the first day on which it was no longer active
    shares: int
    deal_shares: int


class SharerRow(NamedTuple):
    """A person and how many distinct assets they shared in a window."""

    person: str
    assets: int


class UtilizationRows(Protocol):
    """What utilization is made of."""

    async def leads(self, cut: Cut, late_from: date) -> Sequence[LeadUseRow]:
        """Return the leads handed over on the days of the cut; from `late_from` on they are late."""
        ...

    async def assets(self, window: Window, group: ContentDimension | None) -> Sequence[AssetRow]:
        """Return the assets that were published, unexpired and not retired on some day of the window."""
        ...

    async def sharers(self, window: Window) -> Sequence[SharerRow]:
        """Return who shared anything on the days of the window."""
        ...


async def lead_use(cut: Cut, *, situation: Situation, rows: UtilizationRows) -> LeadUseAnswer:
    """Answer with delivered and worked leads of each group."""
    cut.check_narrow(counted=cut.counted)
    late_from = situation.today - timedelta(days=WORKED_WITHIN_DAYS)
    found: dict[str, LeadUseVector] = {}
    late: dict[str, int] = {}
    for group, is_late, sums in await rows.leads(cut, late_from):
        known = found.get(group, LeadUseVector())
        found[group] = LeadUseVector(*map(sum, zip(known, sums, strict=True)))
        if is_late:
            late[group] = late.get(group, 0) + sums.delivered - sums.worked
    keys = sorted(found) if cut.group_by else [""]
    basis = Basis("period", LEAD_RULES, cut.window)
    return LeadUseAnswer(
        groups=[
            LeadUse(
                key=key if cut.group_by else None,
                delivered=(sums := found.get(key, LeadUseVector())).delivered,
                worked=sums.worked,
                still_open=late.get(key, 0),
                utilization=rate(
                    sums.worked,
                    sums.delivered,
                    basis,
                    explain=explain("leads.worked", cut.window, cut.of(key)),
                ),
            )
            for key in keys
        ],
        refs=refs_of(cut, keys),
        **cut_head(cut, situation, {"lead_utilization": LEAD_RULES}),
    )


@dataclass(frozen=True, slots=True)
class ContentQuestion:
    """Over what, grouped how, and how long an asset must have been active to count."""

    window: Window
    group_by: ContentDimension | None = None
    active_days: int = 30


async def content_use(
    question: ContentQuestion, *, situation: Situation, org: Org, rows: UtilizationRows
) -> ContentUseAnswer:
    """Answer with active and used assets of each group, and who used any."""
    window = question.window
    assets = [
        row
        for row in await rows.assets(window, question.group_by)
        if active_days_of(row, window) >= question.active_days
    ]
    sharers = await rows.sharers(window)
    rules = f"active {question.active_days} days, shared on a deal v1"
    basis = Basis("window", rules, window)
    keys = sorted({row.group for row in assets}) if question.group_by else [""]
    sellers = set(org.sellers())
    active = [row for row in sharers if row.person in sellers]
    depth = sum(row.assets for row in active)
    unused = [str(row.asset_id) for row in assets if not row.deal_shares][:UNUSED_SHOWN]
    head = cut_head(Cut(window), situation, {"content_utilization": rules})
    return ContentUseAnswer(
        active_days=question.active_days,
        groups=[_content(key, question, assets, basis) for key in keys],
        adoption=rate(len(active), len(sellers), basis),
        depth=share(depth, len(active), basis, n=len(active)),
        unused=unused,
        refs=refs(
            asset=[*unused, *(keys if question.group_by == "asset" else ())],
            person=keys if question.group_by == "owner" else (),
        ),
        **{**head, "group_by": question.group_by},
    )


def active_days_of(row: AssetRow, window: Window) -> int:
    """Return on how many days of a window an asset was there to be used."""
    return (min(row.active_until, window.to) - max(row.active_from, window.from_)).days


def _content(
    key: str, question: ContentQuestion, assets: Sequence[AssetRow], basis: Basis
) -> ContentUse:
    mine = [row for row in assets if row.group == key] if question.group_by else list(assets)
    used = sum(1 for row in mine if row.deal_shares)
    parameters = {"active_days": str(question.active_days)}
    if question.group_by:
        parameters[question.group_by] = key
    return ContentUse(
        key=key if question.group_by else None,
        active=len(mine),
        used=used,
        shares=sum(row.shares for row in mine),
        utilization=rate(
            used,
            len(mine),
            basis,
            explain=explain("content.used", question.window, parameters),
        ),
    )
