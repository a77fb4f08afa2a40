"""Reconciliation turn by turn: a page of the CRM's changes or records, or what is here altogether."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

from gateway.application.asking import Trouble
from gateway.application.fetching import (
    Bench,
    Means,
    Question,
    Settle,
    asked,
    fields_of,
    tell_answer,
)
from gateway.application.runs import Known, Runs
from gateway.domain.connection import Connection
from gateway.domain.crm_api.apis import APIS
from gateway.domain.crm_api.calls import Page
from gateway.domain.reconciliation import (
    COUNT_EVERY,
    Cause,
    Reconciliation,
    Standing,
    Totals,
    begun,
)
from gateway.domain.webhooks.mapping import Context, translate
from gateway.domain.webhooks.mapping import Mapping as FieldMapping
from gateway.domain.webhooks.reading import Kind, Unreadable
from onefunnel.errors import conflict, invalid
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.ids import new_id

SETTLE_S: Final = 10.0  # so long what was told is on its way before it is counted
_NOWHERE: Final = UUID(int=0)


class Ours(Protocol):
    """How a CRM's records stand here, as lead-service says it. Raises `Unanswered`."""

    async def standings(
        self, tenant_id: UUID, kind: Kind, ids: Mapping[UUID, str]
    ) -> Mapping[str, Standing]:
        """Return how those stand that are here, by the CRM's id."""
        ...

    async def totals(self, tenant_id: UUID, source: str) -> Totals:
        """Return how many records of a source are here, and what they amount to."""
        ...


class Unanswered(Exception):
    """Our own service did not answer: the step is done again later."""


async def begin(
    connection: Connection,
    cause: Cause,
    *,
    runs: Runs,
    now: datetime,
    since: datetime | None = None,
) -> Reconciliation:
    """Begin a reconciliation; of one connection there is one at a time."""
    if connection.access is None:
        raise invalid("Give the connection access to its CRM first.", pointer="/api")
    changes = APIS[connection.provider].changes
    if await runs.running(connection.id) is not None:
        raise conflict("A reconciliation of this connection is under way; wait for its end.")
    known = await runs.known(connection.id)
    starts: dict[str, datetime] = {
        kind: since or known.since.get(kind, connection.created_at) for kind in changes.kinds
    }
    due = known.counted_at is None or now - known.counted_at >= COUNT_EVERY
    run = begun(new_id(), cause, changes.kinds, starts, count=due or cause == "asked", now=now)
    await runs.add(connection.id, run)
    return run


@dataclass(frozen=True)
class Pass:
    """One step of a reconciliation at work."""

    connection: Connection
    run: Reconciliation
    means: Means
    ours: Ours

    async def __call__(self) -> Settle:
        """Ask what the step needs, outside of any transaction; return what settles it."""
        if self.run.step.what == "ours":
            return await self._count()
        question = self._question()
        answer = await asked(self.connection, question.call, self.means)
        if isinstance(answer, Trouble):
            return self._refused(answer)
        try:
            page = question.api.changes.page(self.run.step.kind, self.run.mark, answer)
        except Unreadable as error:
            detail = f"The CRM's answer is not as documented: {error}."
            return self._refused(Trouble("unreadable-answer", detail))
        if self.run.step.what == "records":
            return await self._compare(page)

        async def settle(bench: Bench) -> Trouble | None:
            told = await tell_answer(
                question, page.changes, answer.body, bench=bench, means=self.means
            )
            await self._went_on(self.run.heard(page, told), bench)
            return None

        return settle

    def _question(self) -> Question:
        kind = self.run.step.kind
        fields = fields_of(self.connection, kind)
        api = APIS[self.connection.provider]
        call = api.changes.changed(kind, self.run.mark, fields)
        return Question(self.connection, api, kind, call)

    async def _compare(self, page: Page) -> Settle:
        events = _events(self.connection, page)
        kind, tenant_id = self.run.step.kind, self.connection.tenant_id
        ids = {event.record_id: event.external_id for event in events}
        try:
            ours = await self.ours.standings(tenant_id, kind, ids)
        except Unanswered:
            return self._again()
        theirs = {event.external_id: _standing(event) for event in events}

        async def settle(bench: Bench) -> Trouble | None:
            await self._went_on(self.run.compared(page, theirs, ours), bench)
            return None

        return settle

    async def _count(self) -> Settle:
        try:
            totals = await self.ours.totals(self.connection.tenant_id, self.connection.source)
        except Unanswered:
            return self._again()
        now = self.means.clock.now()

        async def settle(bench: Bench) -> Trouble | None:
            await self._went_on(self.run.finished(totals, now), bench)
            return None

        return settle

    def _again(self) -> Settle:
        async def settle(bench: Bench) -> Trouble | None:
            await bench.runs.later(self.connection.id, SETTLE_S)
            return None

        return settle

    def _refused(self, trouble: Trouble) -> Settle:
        async def settle(bench: Bench) -> Trouble | None:
            if trouble.is_about_the_question or trouble.code == "token-refused":
                now = self.means.clock.now()
                await self._went_on(self.run.failed(trouble.detail, now), bench)
            return trouble

        return settle

    async def _went_on(self, run: Reconciliation, bench: Bench) -> None:
        """Write down how far it is; at its end, what is known now and when the next one is due."""
        counting = run.step.what != "changes"
        if run.status == "running":
            await bench.runs.save(run)
            if counting and self.run.step.what == "changes":
                await bench.runs.later(self.connection.id, SETTLE_S)
            return
        now = self.means.clock.now()
        ended = run if run.finished_at else run.ended(now)
        await bench.runs.save(ended)
        known = await bench.runs.known(self.connection.id)
        if run.status == "done":
            counted_at = now if ended.counted else known.counted_at
            known = Known({**known.since, **run.since, **run.newest}, counted_at)
        access = self.connection.access
        assert access is not None, "only what has access is reconciled"
        await bench.runs.ended(self.connection.id, known, access.reconcile_minutes * 60.0)


def _events(connection: Connection, page: Page) -> list[CrmChangeReceived]:
    """Return the records of a page in our words; deleted ones are none."""
    mapping = FieldMapping(**connection.mapping)
    context = Context(
        connection.tenant_id, connection.id, connection.source, _NOWHERE, connection.created_at
    )
    found = (translate(change, mapping, context).event for change in page.changes)
    return [event for event in found if event is not None and not event.deleted]


def _standing(event: CrmChangeReceived) -> Standing:
    if event.kind == "lead":
        return Standing("")
    amount = Decimal(event.amount) if event.amount is not None else None
    return Standing(event.standing or "open", event.currency, amount)
