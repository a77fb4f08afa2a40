"""The shares of a group's members: whole, fair, and moved as little as can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefunnel.log.port import Partition
from onefunnel.log.sharing import Standing, member_for, plan, share_of

TOPICS = ("onefunnel.deal.v1", "onefunnel.lead.v1", "onefunnel.view.v1")
PARTITIONS = [Partition(topic, number) for topic in TOPICS for number in range(36)]
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=12)
GROUPS = st.sets(NAMES, min_size=1, max_size=8)


def shares(members) -> dict[str, frozenset[Partition]]:
    return {member: share_of(member, members, PARTITIONS) for member in members}


@given(GROUPS)
def test_each_partition_belongs_to_exactly_one_member(members) -> None:
    assert sorted(p for share in shares(members).values() for p in share) == PARTITIONS


@given(GROUPS, NAMES)
def test_a_member_that_comes_takes_its_share_and_nothing_else_moves(members, name) -> None:
    before, after = shares(members), shares({*members, name})
    for member in members - {name}:
        assert after[member] == before[member] - after[name]


@given(GROUPS, st.data())
def test_a_member_that_goes_leaves_its_share_and_nothing_else_moves(members, data) -> None:
    gone = data.draw(st.sampled_from(sorted(members)))
    before, after = shares(members), shares(members - {gone})
    for member in members - {gone}:
        assert before[member] <= after[member]
        assert after[member] - before[member] <= before[gone]


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_in_which_members_are_named_does_not_matter(members) -> None:
    assert [member_for(str(n), members) for n in range(50)] == [
        member_for(str(n), ["a", "b", "c", "d"]) for n in range(50)
    ]


@pytest.mark.parametrize("size", range(2, 9))
def test_shares_are_fair(size: int) -> None:
    """Between a third and the double of an even share, in fifty groups of this size."""
    even = len(PARTITIONS) / size
    for group in range(50):
        members = {f"worker-{group}-{n}" for n in range(size)}
        for share in shares(members).values():
            assert even / 3 <= len(share) <= 2 * even


P, Q = PARTITIONS[:2]


def test_one_alone_keeps_what_it_has_and_tries_for_the_rest() -> None:
    standings = {P: Standing(3, "me"), Q: Standing(0, None)}
    assert plan("me", ["me"], standings, {P: 3}) == ({P}, set(), {Q})


def test_what_was_claimed_by_another_since_is_neither_kept_nor_given_up() -> None:
    standings = {P: Standing(4, "other")}
    assert plan("me", ["me"], standings, {P: 3}) == (set(), set(), {P})


def test_what_bears_my_name_and_i_do_not_hold_is_tried_for_again() -> None:
    standings = {P: Standing(3, "me")}
    assert plan("me", ["me"], standings, {}) == (set(), set(), {P})


def test_a_member_that_nobody_counts_as_living_counts_itself() -> None:
    assert plan("me", [], {P: Standing(3, "me")}, {P: 3}) == ({P}, set(), set())


MEMBERS = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True)


@given(
    MEMBERS,
    st.dictionaries(
        st.sampled_from(PARTITIONS),
        st.tuples(st.integers(1, 3), st.sampled_from([None, "a", "b"]), st.integers(0, 3)),
    ),
)
def test_a_plan_ends_with_my_share_whatever_the_rows_say(members, rows) -> None:
    standings = {p: Standing(epoch, owner) for p, (epoch, owner, _) in rows.items()}
    held = {p: epoch for p, (_, _, epoch) in rows.items() if epoch}
    found = plan("a", members, standings, held)
    mine = share_of("a", {"a", *members}, standings)
    assert found.keep | found.attempt == mine
    assert not found.keep & found.attempt
    assert all(held[p] == standings[p].epoch for p in found.keep)
    assert found.give_up == {p for p, s in standings.items() if s.owner == "a"} - mine
