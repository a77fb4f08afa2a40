"""Which member of a group should read which partition: by rendezvous, without anybody who assigns.

Every member computes the same answer from the names that live. A partition belongs to the member
that weighs most for it; so a member that comes takes only what it wins, and one that goes leaves
only what it had.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import NamedTuple

from onefunnel.log.port import Partition


class Standing(NamedTuple):
    """What the row of a partition says of who reads it."""

    epoch: int
    owner: str | None


class Plan(NamedTuple):
    """What a member does about its share: go on with these, give those up, try for the others."""

    keep: frozenset[Partition]
    give_up: frozenset[Partition]
    attempt: frozenset[Partition]


def member_for(thing: str, members: Collection[str]) -> str:
    """Return the member to whom a thing belongs. There must be a member."""
    return max(members, key=lambda member: (_weight(member, thing), member))


def share_of(
    me: str, members: Collection[str], partitions: Collection[Partition]
) -> frozenset[Partition]:
    """Return the partitions that belong to a member."""
    return frozenset(p for p in partitions if member_for(f"{p.topic}/{p.number}", members) == me)


def plan(
    me: str,
    members: Collection[str],
    standings: Mapping[Partition, Standing],
    held: Mapping[Partition, int],
) -> Plan:
    """Decide about partitions from who lives, what the rows say, and the epochs that I hold.

    I count as living, whatever the others think. What I hold under an epoch that has passed is not
    mine any more: it is neither kept nor given up. A row that bears my name and that I do not hold was
    claimed before an error: I try for it again.
    """
    wanted = share_of(me, {me, *members}, standings)
    keep = frozenset(p for p in wanted if held.get(p) == standings[p].epoch)
    mine = frozenset(p for p, standing in standings.items() if standing.owner == me)
    return Plan(keep, mine - wanted, wanted - keep)


def _weight(member: str, thing: str) -> bytes:
    return blake2b(f"{member}\0{thing}".encode(), digest_size=8).digest()
