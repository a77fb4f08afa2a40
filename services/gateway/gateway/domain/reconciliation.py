"""A CRM compared with us: first what changed there is read, then everything is counted on both sides.

What was missed is told on as the CRM's webhooks are. What differs is reported and never put right in silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from gateway.domain.crm_api.calls import BEGINNING, Mark, Page
from gateway.domain.webhooks.reading import Kind

# A vendor's index is behind its records for a while: so much is read again, and known as known.
OVERLAP: Final = timedelta(minutes=5)
COUNT_EVERY: Final = timedelta(hours=24)
MAX_SAMPLES: Final = 50

Cause = Literal["scheduled", "asked"]
Status = Literal["running", "done", "failed"]
What = Literal["changes", "records", "ours"]
Group = tuple[str, str, str]  # kind, how a deal stands, currency


@dataclass(frozen=True, slots=True)
class Total:
    """How many records of a group there are, and what they amount to."""

    count: int = 0
    amount: Decimal = Decimal(0)

    def plus(self, amount: Decimal | None) -> "Total":
        """Return the total with one record more."""
        return Total(self.count + 1, self.amount + (amount or 0))


Totals = Mapping[Group, Total]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a record amounts to, in the CRM or here; None is what it does not say."""

    standing: str
    currency: str | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is not here as it is in the CRM. Which one, and in what; never what it says."""

    kind: str
    external_id: str
    what: Literal["missing", "standing", "amount", "currency"]


@dataclass(frozen=True, slots=True)
class Step:
    """One pass over one kind of record, or the question how many of them are here."""

    what: What
    kind: Kind = "deal"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison, as far as it has got: it goes on wherever a process ended."""

    id: UUID
    cause: Cause
    started_at: datetime
    steps: tuple[Step, ...]
    at: int = 0
    mark: Mark = field(default_factory=lambda: Mark(BEGINNING))
    since: Mapping[str, datetime] = field(default_factory=dict)  # by kind, what was read before
    newest: Mapping[str, datetime] = field(default_factory=dict)  # by kind, the latest change seen
    read: int = 0
    told: int = 0
    theirs: Totals = field(default_factory=dict)
    ours: Totals = field(default_factory=dict)
    differing: int = 0
    samples: tuple[Difference, ...] = ()
    status: Status = "running"
    finished_at: datetime | None = None
    fault: str | None = None

    @property
    def step(self) -> Step:
        """Return what is to be done now."""
        return self.steps[self.at]

    @property
    def counted(self) -> bool:
        """Say whether both sides were counted."""
        return self.status == "done" and self.steps[-1].what == "ours"

    def heard(self, page: Page, told: int) -> "Reconciliation":
        """Return it after a page of changes, so many of which were news."""
        kind = self.step.kind
        times = [one.at for one in page.changes if one.at is not None]
        latest = max([*times, self.newest.get(kind, BEGINNING)])
        known = {**self.newest, kind: latest} if latest > BEGINNING else self.newest
        more = replace(
            self, read=self.read + len(page.changes), told=self.told + told, newest=known
        )
        return more.after(page)

    def compared(
        self, page: Page, theirs: Mapping[str, Standing], ours: Mapping[str, Standing]
    ) -> "Reconciliation":
        """Return it after a page of records was counted, and each looked for here."""
        kind, totals = self.step.kind, dict(self.theirs)
        found: list[Difference] = []
        for external_id, their in theirs.items():
            our = ours.get(external_id)
            currency = their.currency or (our.currency if our else None) or ""
            group = (kind, their.standing, currency)
            totals[group] = totals.get(group, Total()).plus(their.amount)
            if (what := _differs(their, our)) is not None:
                found.append(Difference(kind, external_id, what))
        more = replace(
            self,
            theirs=totals,
            differing=self.differing + len(found),
            samples=(*self.samples, *found)[:MAX_SAMPLES],
        )
        return more.after(page)

    def finished(self, ours: Totals, now: datetime) -> "Reconciliation":
        """Return it with what is here altogether, and the end."""
        return replace(self, ours=ours, status="done", finished_at=now)

    def ended(self, now: datetime) -> "Reconciliation":
        """Return it at its end: there was nothing to count."""
        return replace(self, finished_at=now)

    def failed(self, fault: str, now: datetime) -> "Reconciliation":
        """Return it given up."""
        return replace(self, status="failed", fault=fault, finished_at=now)

    def after(self, page: Page) -> "Reconciliation":
        """Return it where it goes on: at the next page, the next step, or its end."""
        if page.following is not None:
            return replace(self, mark=page.following)
        at = self.at + 1
        if at == len(self.steps):
            return replace(self, at=self.at, status="done")
        return replace(self, at=at, mark=start_of(self.steps[at], self.since))


def begun(
    id_: UUID,
    cause: Cause,
    kinds: Sequence[Kind],
    since: Mapping[str, datetime],
    *,
    count: bool,
    now: datetime,
) -> Reconciliation:
    """Return a comparison at its beginning: changes since, by kind, and a count of all if it is due."""
    changes = [Step("changes", kind) for kind in kinds]
    counts = [*(Step("records", kind) for kind in kinds), Step("ours")] if count else []
    steps = (*changes, *counts)
    return Reconciliation(id_, cause, now, steps, mark=start_of(steps[0], since), since=since)


def start_of(step: Step, since: Mapping[str, datetime]) -> Mark:
    """Return where a step begins: a count at the beginning of time, changes a little before the last ones."""
    known = since.get(step.kind)
    if step.what != "changes" or known is None:
        return Mark(BEGINNING)
    return Mark(max(known - OVERLAP, BEGINNING))


def _differs(
    their: Standing, our: Standing | None
) -> Literal["missing", "standing", "amount", "currency"] | None:
    if our is None:
        return "missing"
    if their.standing != our.standing:
        return "standing"
    if their.currency and our.currency and their.currency != our.currency:
        return "currency"
    if their.amount is not None and their.amount != (our.amount or 0):
        return "amount"
    return None
