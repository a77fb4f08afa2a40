"""The oracle's leads: where a lead was from when on, and which counters it adds to."""

from datetime import datetime, timedelta
from typing import Any

from onefunnel.events import lead, scoring

from .oracle_parts import Fact, Tally, count_entries, count_reach, newest, reach, text_of


class LeadCount:
    """What one lead counts for."""

    def __init__(self, oracle: Any, facts: list[Fact]) -> None:
        self.oracle = oracle
        self.facts = facts
        self.captured = newest(facts, lead.LeadCaptured)
        self.funnel = oracle.funnel(self.captured.funnel)

    def acts(self) -> list[tuple[datetime, int, int, str]]:
        """(at, 0 for scoring and 1 for lead, sequence, what happened), in order."""
        words = {
            lead.LeadAssigned: ("assigned_at", 1, "lead.assigned"),
            lead.LeadAccepted: ("accepted_at", 1, "lead.accepted"),
            lead.LeadRejected: ("rejected_at", 1, "end"),
            lead.LeadDisqualified: ("disqualified_at", 1, "end"),
            lead.LeadRecycled: ("recycled_at", 1, "recycle"),
            lead.LeadConverted: ("converted_at", 1, "lead.converted"),
            scoring.LeadQualified: ("qualified_at", 0, "lead.qualified"),
        }
        acts = []
        for fact in self.facts:
            if type(fact.event) in words:
                field, order, word = words[type(fact.event)]
                acts.append((getattr(fact.event, field), order, fact.sequence, word))
        if self.captured.owner_id and self.captured.captured_at:
            first = next(fact for fact in self.facts if fact.event is self.captured)
            acts.append((self.captured.captured_at, 1, first.sequence, "lead.assigned"))
        if self.captured.qualified_at and all(act[3] != "lead.qualified" for act in acts):
            acts.append((self.captured.qualified_at, -1, 0, "lead.qualified"))
        return sorted(acts)

    def labels(self) -> list[tuple[str, str]]:
        label = newest(self.facts, lead.LeadCaptured, lead.LeadUpdated)
        owners = [f for f in self.facts if getattr(f.event, "owner_id", None) is not None]
        owner = max(owners, key=lambda f: f.sequence).event.owner_id if owners else None
        return [
            ("all", ""),
            ("owner", text_of(owner)),
            ("source", text_of(label.source)),
            ("campaign", text_of(label.campaign_id)),
            ("segment", text_of(label.segment)),
        ]

    def count(self, tally: Tally) -> None:
        if newest(self.facts, lead.LeadMerged):
            return
        acts = self.acts()
        for label in self.labels():
            self.count_use(tally, label, acts)
            if self.funnel:
                self.count_steps(tally, label, acts)

    def count_use(self, tally: Tally, label: tuple[str, str], acts: list[Any]) -> None:
        given = [a[0] for a in acts if a[3] in {"lead.qualified", "lead.assigned", "lead.accepted"}]
        if not given:
            return
        handed_at = min(given)
        worked = any(
            touch.event.human
            and touch.event.side == "sales"
            and timedelta(0) <= touch.event.touched_at - handed_at <= timedelta(days=14)
            for touch in self.facts
            if isinstance(touch.event, lead.TouchRecorded)
        )
        key = (*label, self.oracle.day(handed_at))
        tally.add("LeadUseKey", key, delivered=1, worked=worked)

    def count_steps(self, tally: Tally, label: tuple[str, str], acts: list[Any]) -> None:
        steps = [step for step in self.funnel.steps if step.entity == "lead"]
        head = (self.funnel.funnel, self.funnel.version, *label)
        stays = self.stays(acts, steps)
        own = [self.first_of(step.entry, acts) for step in steps]
        entries = reach(own)
        ended_at = None
        if stays and stays[-1][0] == "ended":
            ended_at = stays[-1][1]
        count_entries(tally, head, entries, steps, ("", 0), ended_at, self.oracle)
        count_reach(tally, head, entries, steps, ("", 0), self.oracle)
        for step, since, until in _between(stays):
            if step in {"ended", "converted"}:
                continue
            if until is None:
                tally.add("PipelineKey", (*head, "", step), open=1)
            elif since is not None and until > since:
                days = (self.oracle.day(until) - self.oracle.day(since)).days
                tally.add("DurationKey", (*head, step, self.oracle.day(until), days), visits=1)

    def first_of(self, entry: str, acts: list[Any]) -> datetime | None:
        if entry == "lead.captured":
            return self.captured.captured_at
        return min((act[0] for act in acts if act[3] == entry), default=None)

    def stays(self, acts: list[Any], steps: list[Any]) -> list[tuple[str, datetime | None]]:
        """Where the lead was from when on: a step, "ended" or "converted"."""
        if not steps:
            return []
        found: list[tuple[str, datetime | None]] = [(steps[0].key, self.captured.captured_at)]
        for n, act in enumerate(acts, start=1):
            where = self.where(acts[:n], steps)
            if where != found[-1][0]:
                found.append((where, act[0]))
            if where == "converted":
                break
        return found

    def where(self, acts: list[Any], steps: list[Any]) -> str:
        words = [act[3] for act in acts]
        if "lead.converted" in words:
            return "converted"
        if words and self.ends(words):
            return "ended"
        return steps[self.position(words, steps)].key

    def ends(self, words: list[str]) -> bool:
        return words[-1] == "end"

    def position(self, words: list[str], steps: list[Any]) -> int:
        ranks = {step.entry: rank for rank, step in enumerate(steps)}
        place = 0
        for word in words:
            if word == "recycle":
                ours = [r for r in range(place + 1) if steps[r].owner == "marketing"]
                place = max(ours, default=0)
            else:
                place = max(place, ranks.get(word, 0))
        return place


def _between(stays: list[Any]) -> list[tuple[Any, Any, Any]]:
    ends = [since for _step, since in stays[1:]] + [None]
    return [(step, since, until) for (step, since), until in zip(stays, ends, strict=True)]
