"""The chain: it holds everything that was committed, and every way to alter it shows."""

import asyncio
import random

import asyncpg
import pytest

from onefunnel.audit.entry import Marks
from onefunnel.audit.rows import add
from onefunnel.audit.sealer import BATCH_ROWS, seal
from onefunnel.audit.verify import Anchor
from onefunnel.ids import new_id
from onefunnel.persistence.database import driver_of
from onefunnel.testing.auditing import KEY, done_by

from .conftest import TENANT

MARKS = Marks(KEY)
LATE = "UPDATE audit SET recorded_at = recorded_at - interval '11 seconds'"


async def sealed(book, rows: int) -> None:
    for _ in range(rows):
        await book.write()
    assert await seal(book.worker, MARKS) == rows


async def test_what_was_written_is_sealed_once_and_verified(book):
    await sealed(book, 3)

    assert await seal(book.worker, MARKS) == 0
    verdict = await book.verdict()
    assert (verdict.right, verdict.rows, verdict.waiting) == (True, 3, 0)
    assert verdict.head.n == 3


async def test_a_row_of_a_lower_id_that_commits_later_is_sealed_too(book):
    early = done_by("early", TENANT)
    async with book.app.tenant(TENANT) as held:
        await add(driver_of(held), early)
        await book.write(2)
        assert await seal(book.worker, MARKS) == 2
    assert await seal(book.worker, MARKS) == 1

    last = await book.owner.fetchval("SELECT audit_id FROM audit_seal ORDER BY n DESC LIMIT 1")
    assert last == early.entry.id
    assert (await book.verdict()).right


async def test_more_than_a_batch_is_sealed_in_several(book):
    await book.write(BATCH_ROWS + 1)

    assert [await seal(book.worker, MARKS) for _ in range(3)] == [BATCH_ROWS, 1, 0]
    assert (await book.verdict()).right


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE audit SET principal_id = 'key:other' WHERE id = {second}", "row was altered"),
        ("UPDATE audit SET mark = decode(repeat('00', 32), 'hex') WHERE id = {second}", "altered"),
        ("UPDATE audit SET id = gen_random_uuid() WHERE id = {second}", "row is missing"),
        ("DELETE FROM audit WHERE id = {second}", "row is missing"),
        (
            "DELETE FROM audit WHERE id = {second}; DELETE FROM audit_seal WHERE n = 2",
            "links 2 to 2 are missing",
        ),
        ("DELETE FROM audit_seal WHERE n = 3; DELETE FROM audit WHERE id = {third}", "the head"),
        (
            (
                "UPDATE audit_seal SET n = 9 WHERE n = 2; UPDATE audit_seal SET n = 2 WHERE n = 3;"
                " UPDATE audit_seal SET n = 3 WHERE n = 9"
            ),
            "does not follow",
        ),
        (
            (
                "UPDATE audit_seal a SET audit_id = b.audit_id FROM (VALUES (2, {third}::uuid),"
                " (3, {second}::uuid)) AS b (n, audit_id) WHERE a.n = b.n"
            ),
            "does not follow",
        ),
        ("TRUNCATE audit", "row is missing"),
        ("TRUNCATE audit, audit_seal", "the head"),
        (
            (
                "INSERT INTO audit SELECT (jsonb_populate_record(a, jsonb_build_object('id',"
                " gen_random_uuid()))).* FROM audit a WHERE id = {second}"
            ),
            "was not written by a service",
        ),
        ("UPDATE audit_head SET n = 2", "the head"),
    ],
)
async def test_an_alteration_is_found(book, tampering, found):
    await sealed(book, 3)
    ids = await book.owner.fetch("SELECT audit_id FROM audit_seal ORDER BY n")
    names = {"second": f"'{ids[1][0]}'", "third": f"'{ids[2][0]}'"}
    deferred = "ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_tenant_id_audit_id_key; "

    await book.tamper(deferred + tampering.format(**names))

    verdict = await book.verdict()
    assert not verdict.right
    assert any(found in one for one in verdict.breaks), verdict.breaks


async def test_an_end_cut_off_with_its_head_is_found_by_a_head_that_was_kept_elsewhere(book):
    await sealed(book, 3)
    kept = (await book.verdict()).head

    await book.tamper(
        "DELETE FROM audit WHERE id = (SELECT audit_id FROM audit_seal WHERE n = 3);"
        " DELETE FROM audit_seal WHERE n = 3;"
        " UPDATE audit_head SET n = 2, hash = (SELECT hash FROM audit_seal WHERE n = 2)"
    )

    assert (await book.verdict()).right, "by itself a shorter chain is a chain"
    assert "seen before and are missing" in (await book.verdict(kept)).breaks[0]
    await book.write()
    await seal(book.worker, MARKS)
    assert (await book.verdict(kept)).breaks == ["link 3 is not the one that was seen before"]
    assert (await book.verdict(Anchor(2, (await book.verdict()).head.hash))).breaks


async def test_a_row_that_nobody_seals_is_reported_when_it_is_late(book):
    await book.write()
    assert (await book.verdict()).waiting == 1
    marked = done_by("key:1", TENANT)
    late = await book.owner.fetchval("SELECT now() - interval '11 seconds'")
    object.__setattr__(marked.entry, "recorded_at", late)
    async with book.app.tenant(TENANT) as conn:
        await add(driver_of(conn), MARKS.marked(marked.entry))

    verdict = await book.verdict()

    assert (verdict.right, verdict.unsealed, verdict.breaks) == (False, 1, [])


async def test_a_row_taken_out_of_the_queue_does_not_get_away(book):
    await book.write()
    await book.owner.execute("TRUNCATE audit_unsealed")

    assert await seal(book.worker, MARKS) == 0
    assert (await book.verdict()).waiting == 1, "and late in ten seconds"


@pytest.mark.parametrize("role", ["app", "worker"])
@pytest.mark.parametrize("table", ["audit", "audit_seal"])
async def test_no_role_of_ours_changes_a_row(book, role, table):
    await sealed(book, 1)
    database = getattr(book, role)
    update = f"UPDATE {table} SET tenant_id = tenant_id"
    for change in (f"DELETE FROM {table}", f"TRUNCATE {table}", update):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.tenant(TENANT) as conn:
                await driver_of(conn).execute(change)


async def test_not_even_the_owner_changes_a_row_unless_by_force(book):
    await sealed(book, 1)
    for change in ("DELETE FROM audit", "TRUNCATE audit", "UPDATE audit_seal SET n = 2"):
        with pytest.raises(asyncpg.RaiseError):
            await book.owner.execute(change)


async def test_writers_that_roll_back_and_two_sealers_leave_one_gapless_chain(book):
    chance, done = random.Random(7), asyncio.Event()

    async def writer(n: int) -> int:
        kept = 0
        for _ in range(30):
            try:
                async with book.app.tenant(TENANT) as conn:
                    await add(driver_of(conn), done_by(f"key:{n}", TENANT))
                    _ = 1 / (chance.random() > 0.2)
                kept += 1
            except ZeroDivisionError:
                continue
        return kept

    async def sealer() -> int:
        total = 0
        while not done.is_set():
            total += await seal(book.worker, MARKS)
        return total

    sealers = [asyncio.create_task(sealer()) for _ in range(2)]
    kept = sum(await asyncio.gather(*(writer(n) for n in range(3))))
    done.set()
    total = sum(await asyncio.gather(*sealers)) + await seal(book.worker, MARKS)

    verdict = await book.verdict()
    assert (total, verdict.rows, verdict.right) == (kept, kept, True)


async def test_tenants_share_a_chain_and_see_their_own_rows(book):
    other = new_id()
    await book.write()
    await book.write(2, other)
    await seal(book.worker, MARKS)

    async with book.app.tenant(other) as conn:
        assert await driver_of(conn).fetchval("SELECT count(*) FROM audit") == 2
    assert (await book.verdict()).rows == 3
