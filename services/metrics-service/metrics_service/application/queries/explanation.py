"""One explanation: which entities, how much each, which events; and whether the sum is the number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from metrics_service.application.queries.answer import cut_head
from metrics_service.application.queries.cut import Cut
from metrics_service.application.queries.explain import (
    Counters,
    ExplainQuestion,
    Part,
    counter,
    parts,
)
from metrics_service.application.queries.explain_answer import (
    Contribution,
    EntityKind,
    ExplainAnswer,
)
from metrics_service.application.queries.explain_others import (
    DRILL,
    ContentPart,
    QuotaPart,
    content_parts,
    quota_parts,
)
from metrics_service.application.queries.reads import Reads
from metrics_service.application.queries.refs import refs
from metrics_service.application.queries.situation import Situation
from metrics_service.application.words import plural

RULES: Final = "explain v1"


@dataclass(frozen=True, slots=True)
class Found:
    """All parts of a number, and what the projection has for it."""

    metric: str
    cut: Cut
    parts: Sequence[Part]
    counter: int | None
    step: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Where a page begins, and how long it is."""

    key: tuple[str, UUID] | None
    limit: int


async def counted(question: ExplainQuestion, reads: Reads) -> Found:
    """Find the parts of a number that counters hold."""
    situation = await reads.situations.situation()
    question.check(situation)
    question.cut.check_narrow(counted=False)
    recount = await reads.situations.recount(question.cut)
    rows = Counters(reads.funnel, reads.sales, reads.utilization)
    return Found(
        metric=question.metric,
        cut=question.cut,
        parts=parts(question, recount, situation),
        counter=await counter(question, situation, rows),
        step=question.step,
        currency=question.currency,
    )


async def credited(asked: QuotaPart, metric: str, cut: Cut, reads: Reads) -> Found:
    """Find the deals credited against a quota."""
    situation = await reads.situations.situation()
    return Found(metric, cut, await quota_parts(asked, situation, reads.pay), None)


async def used(asked: ContentPart, metric: str, cut: Cut, reads: Reads) -> Found:
    """Find the assets that were used."""
    return Found(metric, cut, await content_parts(asked, reads.utilization), None)


async def explained(found: Found, after: After, reads: Reads) -> tuple[ExplainAnswer, Part | None]:
    """Return one page of an explanation, without a cursor, and the part the next page begins after."""
    situation = await reads.situations.situation()
    begin = after.key
    rest = [p for p in found.parts if begin is None or (p.entity, p.id) > begin]
    shown, more = rest[: after.limit], len(rest) > after.limit
    seen = await reads.explain.events([(part.entity, part.id) for part in shown])
    items = [
        Contribution(
            entity=part.entity,
            id=part.id,
            contribution=part.amount,
            days=list(part.days),
            events=seen.get(part.id, []),
            drill=f"{DRILL[part.entity]}{part.id}",
        )
        for part in shown
    ]
    return _answer(found, items, situation), shown[-1] if more else None


def _answer(found: Found, items: list[Contribution], situation: Situation) -> ExplainAnswer:
    value = sum(part.amount for part in found.parts)
    return ExplainAnswer(
        metric=found.metric,
        step=found.step,
        currency=found.currency,
        value=value,
        entities=len(found.parts),
        counter=found.counter,
        equal=None if found.counter is None else found.counter == value,
        sentence=_sentence(found, value),
        items=items,
        next_cursor=None,
        refs=refs(**{kind: _ids(items, kind) for kind in ("deal", "asset")}),
        **cut_head(found.cut, situation, _versions(found, situation)),
    )


def _ids(items: Sequence[Contribution], kind: EntityKind | str) -> list[str]:
    return [str(item.id) for item in items if item.entity == kind]


def _versions(found: Found, situation: Situation) -> dict[str, str]:
    versions = {"explain": RULES}
    if found.step is not None:
        versions |= {
            f"funnel:{funnel.name}": f"{funnel.name} v{funnel.version}"
            for funnel in situation.definitions.funnels.values()
        }
    return versions


def _sentence(found: Found, value: int) -> str:
    if not found.parts:
        return f"Nothing counts as {found.metric} here."
    kinds: dict[str, int] = {}
    for part in found.parts:
        kinds[part.entity] = kinds.get(part.entity, 0) + 1
    who = " and ".join(plural(n, kind) for kind, n in sorted(kinds.items()))
    same = (
        ""
        if found.counter is None
        else (
            " The projection says the same."
            if found.counter == value
            else f" The projection says {found.counter}: please report this."
        )
    )
    return f"{found.metric} is {value}: the sum over {who}.{same}"
