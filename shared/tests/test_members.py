"""Who tries for which partition: leases by the database's clock, shares by rendezvous, nobody waited for."""

import asyncpg
import pytest

from onefunnel.log import halts, members, ownership
from onefunnel.log.ownership import ensure_partitions, take_share
from onefunnel.log.port import Partition
from onefunnel.log.sharing import share_of
from onefunnel.testing.small_service import GROUP, TOPIC

ALL = frozenset(Partition(TOPIC, number) for number in range(12))


@pytest.fixture(autouse=True)
async def partitions(owner, log):
    await ensure_partitions(owner, GROUP, [t for t in await log.topics() if t.name == TOPIC])


class Member:
    """A member between its turns."""

    def __init__(self, connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.claims = {}

    async def look_after(self) -> set[Partition]:
        self.claims = await take_share(self.connection, GROUP, self.name, self.claims)
        return set(self.claims)


@pytest.fixture
def one(owner):
    return Member(owner, "one")


@pytest.fixture
def two(owner):
    return Member(owner, "two")


def belonging_to(name: str, *names: str) -> frozenset[Partition]:
    return share_of(name, {name, *names}, ALL)


async def pass_time(owner, seconds: float, name: str, tables=("stream_partition", "stream_member")):
    """Let time pass for the leases of one member."""
    for table in tables:
        column = "owner" if table == "stream_partition" else "name"
        await owner.execute(
            f"UPDATE {table} SET lease_until = lease_until - make_interval(secs => $1)"
            f" WHERE {column} = $2",
            seconds,
            name,
        )


async def test_one_alone_owns_everything(one) -> None:
    assert await one.look_after() == ALL


async def test_a_member_that_comes_gets_its_share_and_nothing_else_moves(one, two) -> None:
    await one.look_after()
    before = dict(one.claims)

    assert await two.look_after() == set()  # all of it is in use
    assert await one.look_after() == belonging_to("one", "two")
    assert await two.look_after() == belonging_to("two", "one")

    assert {**before, **one.claims} == before
    assert {c.epoch for c in two.claims.values()} == {2}


async def test_nothing_moves_while_nobody_comes_or_goes(owner, one, two) -> None:
    for member in (one, two, one, two):
        await member.look_after()
    query = "SELECT partition, epoch, owner FROM stream_partition ORDER BY 1"
    before = await owner.fetch(query)

    for member in (one, two) * 5:
        await pass_time(owner, members.LEASE_S / 2, "one")
        await pass_time(owner, members.LEASE_S / 2, "two")
        await member.look_after()
        await (two if member is one else one).look_after()

    assert await owner.fetch(query) == before


async def test_what_a_dead_member_had_is_taken_when_its_leases_have_run_out(
    owner, one, two
) -> None:
    for member in (one, two, one, two):
        await member.look_after()

    assert await two.look_after() == belonging_to("two", "one")
    await pass_time(owner, members.LEASE_S + 1, "one")

    assert await two.look_after() == ALL


@pytest.mark.parametrize("table", ["stream_partition", "stream_member"])
async def test_as_long_as_one_of_its_leases_runs_nothing_is_taken(owner, one, two, table) -> None:
    for member in (one, two, one, two):
        await member.look_after()

    await pass_time(owner, 3 * members.LEASE_S, "one", [table])

    assert await two.look_after() == belonging_to("two", "one")


async def test_whoever_looks_after_its_share_stays_a_member(owner, one) -> None:
    for _ in range(5):
        await one.look_after()
        await pass_time(owner, members.LEASE_S / 2, "one")
        assert await members.living(owner, GROUP) == ["one"]


async def test_whoever_does_not_is_none_when_its_lease_has_run_out(owner, one) -> None:
    await one.look_after()
    await pass_time(owner, members.LEASE_S + 1, "one")
    assert await members.living(owner, GROUP) == []


async def test_what_a_member_does_not_fetch_is_taken_after_a_second_lease(owner, one, two) -> None:
    await one.look_after()
    await two.look_after()
    await one.look_after()  # gives up what belongs to two, who does not come for it
    query = "UPDATE stream_partition SET lease_until = now() - $1 * interval '1 second'"

    await owner.execute(f"{query} WHERE owner IS NULL", members.LEASE_S - 1)
    assert await one.look_after() == belonging_to("one", "two")
    await owner.execute(f"{query} WHERE owner IS NULL", members.LEASE_S + 1)

    assert await one.look_after() == ALL


async def test_after_an_error_a_member_claims_anew_what_bears_its_name(one, two) -> None:
    for member in (one, two, one, two):
        await member.look_after()
    before = one.claims
    one.claims = {}

    assert await one.look_after() == set(before)

    assert all(one.claims[p].epoch == claim.epoch + 1 for p, claim in before.items())


async def test_a_member_learns_without_alarm_that_another_has_taken_over(owner, one, two) -> None:
    await one.look_after()
    await pass_time(owner, members.LEASE_S + 1, "one")
    assert await two.look_after() == ALL

    assert await one.look_after() == set()
    assert await two.look_after() == belonging_to("two", "one")
    assert await one.look_after() == belonging_to("one", "two")


async def test_whoever_leaves_in_order_is_not_waited_for(owner, one, two) -> None:
    for member in (one, two, one, two):
        await member.look_after()

    await ownership.release(owner, GROUP, "one")

    assert await two.look_after() == ALL


async def test_the_dead_are_forgotten(owner, one, two) -> None:
    await one.look_after()
    await pass_time(owner, members.LEASE_S + 1, "one")

    await two.look_after()

    assert [r[0] for r in await owner.fetch("SELECT name FROM stream_member")] == ["two"]


async def test_a_halted_partition_is_not_claimed_until_it_is_resumed(owner, one) -> None:
    await one.look_after()
    place = Partition(TOPIC, 3)
    await ownership.halt(owner, GROUP, one.claims[place], "because")

    assert await one.look_after() == ALL - {place}
    await halts.resume(owner, GROUP, place)
    assert await one.look_after() == ALL


@pytest.fixture
async def impatient(service):
    connection = await asyncpg.connect(service.owner_url, server_settings={"lock_timeout": "1000"})
    yield connection
    await connection.close()


async def test_nobody_waits_for_a_row_that_is_being_worked_on(owner, impatient) -> None:
    """Nor is it taken: a turn that outlives its lease is not disturbed."""
    one, two = Member(impatient, "one"), Member(impatient, "two")
    await one.look_after()
    busy = min(belonging_to("two", "one"))
    await pass_time(owner, members.LEASE_S + 1, "one")
    async with owner.transaction():  # a turn of another, or a rebuild
        query = "SELECT FROM stream_partition WHERE partition = $1 FOR UPDATE"
        await owner.execute(query, busy.number)

        assert await two.look_after() == ALL - {busy}  # claims
        await one.look_after()
        await two.look_after()  # gives up
        assert await one.look_after() == belonging_to("one", "two")
        await ownership.note_ends(impatient, GROUP, "one", dict.fromkeys(ALL, 7))
        await ownership.release(impatient, GROUP, "one")


async def test_where_the_log_ends_is_written_by_the_owner_alone(owner, one, two) -> None:
    for member in (one, two, one, two):
        await member.look_after()

    await ownership.note_ends(owner, GROUP, "one", dict.fromkeys(ALL, 7))

    noted = await owner.fetch("SELECT partition FROM stream_partition WHERE end_position = 7")
    assert {Partition(TOPIC, row[0]) for row in noted} == belonging_to("one", "two")
