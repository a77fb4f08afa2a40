"""A turn's records, decoded: what can be folded, what cannot be read, and where each partition ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from metrics_service.application.fold_order import Dead, Ordered, unreadable
from metrics_service.application.fold_routes import Ignored, Incoming, Spot, Unreadable, read
from onefunnel.events.topics import TOPICS
from onefunnel.log.ownership import Advance, Claim
from onefunnel.log.port import Partition, Slice

Item = Incoming | Dead

_UNKNOWN = Unreadable("unknown-type", "a topic about money has no unknown types")
MONEY = frozenset(topic.name for topic in TOPICS if topic.money)


@dataclass(slots=True)
class Portion:
    """One partition's part of a turn, from a position on."""

    partition: Partition
    position: int
    next_position: int
    items: list[Item] = field(default_factory=list)
    ignored: int = 0
    last_event_id: UUID | None = None  # of the last record, where it has a readable one

    def advance(self, claim: Claim, dead_in_a_row: int) -> Advance:
        """Return where the turn leaves the partition."""
        return Advance(claim, self.next_position, self.last_event_id, dead_in_a_row)

    def dead_in_a_row(self, before: int, died: frozenset[UUID]) -> int:
        """Return how many dead events end the partition's part of the turn, after so many before it."""
        if not died and not any(isinstance(item, Dead) for item in self.items):
            return 0 if self.items else before
        for item in self.items:
            before = before + 1 if is_dead(item, died) else 0
        return before


def read_all(slices: Mapping[Partition, Slice]) -> list[Portion]:
    """Decode a turn's records, partition by partition, in the order in which they were asked for."""
    return [_read(partition, slice_) for partition, slice_ in slices.items()]


def _read(partition: Partition, slice_: Slice) -> Portion:
    portion = Portion(partition, slice_.positions[0], slice_.next_position)
    keep = portion.items.append
    last: Item | Ignored | None = None
    for position, record in zip(slice_.positions, slice_.values, strict=True):
        try:
            keep(last := read(partition, position, record))
        except Unreadable as error:
            keep(last := unreadable(Spot(*partition, position), record, error))
        except Ignored as ignored:
            if partition.topic in MONEY:
                keep(last := unreadable(Spot(*partition, position), record, _UNKNOWN))
            else:
                portion.ignored += 1
                last = ignored
    portion.last_event_id = event_id_of(last)
    return portion


def events_of(portions: Sequence[Portion]) -> list[Incoming]:
    """Return what can be folded."""
    return [i for portion in portions for i in portion.items if isinstance(i, Incoming)]


def unreadable_of(portions: Sequence[Portion]) -> list[Dead]:
    """Return what cannot be read."""
    return [i for portion in portions for i in portion.items if isinstance(i, Dead)]


def died_of(ordered: Ordered) -> frozenset[UUID]:
    """Return the ids of the events that a turn buried."""
    return frozenset(d.what.event_id for d in ordered.dead if d.what.event_id is not None)


def is_dead(item: Item, died: frozenset[UUID]) -> bool:
    """Say whether an item came to nothing."""
    return isinstance(item, Dead) or item.event_id in died


def event_id_of(item: Item | Ignored | None) -> UUID | None:
    """Return the item's event id, where it has a readable one."""
    if item is None:
        return None
    return item.what.event_id if isinstance(item, Dead) else item.event_id
