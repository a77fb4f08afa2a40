"""Why somebody was paid by hand: sealed under their key, gone when they are, and their money stays."""

import pytest

from metrics_service.adapters.erased_words import forget_erased
from onefunnel.events.privacy import SubjectErased
from onefunnel.ids import new_id
from onefunnel.vault.erasing import forgetting
from onefunnel.vault.keyring import Keyring

from .conftest import ADJUSTMENTS, KEY

CANARY = "Canary-88c1"


async def posted(metrics, person, words=f"{CANARY} promised"):
    body = {
        "person": str(person),
        "at": "2026-03-01T09:00:00Z",
        "amount": {"amount_minor": 5_000, "currency": "EUR"},
        "reason": words,
    }
    return await metrics.adjust(body)


async def shown(metrics) -> list:
    return (await metrics.get(ADJUSTMENTS))["items"]


async def forgotten(metrics) -> bool:
    """Do what the worker does every few seconds."""
    async with metrics.worker.transaction() as conn:
        return await forget_erased(conn, forgetting(Keyring(KEY)))


@pytest.fixture
def person():
    return new_id()


async def test_reasons_are_in_no_row_in_clear_and_are_read_as_they_were_written(metrics, person):
    await posted(metrics, person)
    rows = [
        str(dict(row))
        for table in ("pay_adjustment", "vault", "outbox", "audit", "ledger_entry", "journal")
        for row in await metrics.owner.fetch(f"SELECT * FROM {table}")
    ]
    assert rows
    assert not any(CANARY in row for row in rows)
    assert [one["reason"] for one in await shown(metrics)] == [f"{CANARY} promised"]


async def test_an_erasure_that_was_journalled_takes_the_words_once_and_leaves_the_money(
    metrics, person
):
    other = new_id()
    await posted(metrics, person)
    await posted(metrics, other, "of another")
    await metrics.tell(SubjectErased(subject_id=person, kind="person", erased_at=metrics.clock.at))

    for _ in range(2):
        assert await forgotten(metrics) is False

    assert {one["person"]: one["reason"] for one in await shown(metrics)} == {
        str(person): "(erased)",
        str(other): "of another",
    }
    assert {one["amount"]["amount_minor"] for one in await shown(metrics)} == {5_000}
    kept = "SELECT count(*) FROM vault WHERE subject_id = $1"
    assert await metrics.owner.fetchval(kept, person) == 0
    assert await metrics.owner.fetchval("SELECT count(*) FROM erasure_heard") == 1


async def test_who_was_erased_is_paid_what_they_are_owed_and_no_words_are_kept(metrics, person):
    await posted(metrics, person)
    await metrics.tell(SubjectErased(subject_id=person, kind="person", erased_at=metrics.clock.at))
    await forgotten(metrics)

    await posted(metrics, person, f"{CANARY} later")

    assert [one["reason"] for one in await shown(metrics)] == ["(erased)", "(erased)"]
