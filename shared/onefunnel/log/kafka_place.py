"""Where a reader stands in one partition, and what it holds of it."""

from collections.abc import Sequence

from aiokafka import ConsumerRecord, TopicPartition

from onefunnel.log.port import Slice


class Place:
    """Records that the client gave and the caller has not asked for yet, and the positions around them.

    `given` is what the caller asks for next, `taken` what the client gives next.
    """

    def __init__(self, name: TopicPartition, position: int) -> None:
        self.name = name
        self.given = position
        self.taken = position
        self._positions: list[int] = []
        self._values: list[bytes] = []
        self._doubted: int | None = None

    @property
    def held(self) -> int:
        """Return how many records there are to give."""
        return len(self._values)

    def add(self, records: Sequence[ConsumerRecord]) -> bool:
        """Take records over, unless some are missing before them: then the client must look again.

        What is missing twice at the same position is not there: a log may leave positions out.
        """
        first = records[0].offset
        if self.taken not in {first, self._doubted}:
            self._doubted = self.taken
            return False
        self._positions += [record.offset for record in records]
        # A record without a value, as whoever deletes a key writes it, is no event and no bytes.
        self._values += [record.value or b"" for record in records]
        self.taken = self._positions[-1] + 1
        return True

    def give(self, most: int, size: int) -> Slice | None:
        """Return up to `most` records, no more once they are `size` bytes, but at least one if any."""
        n = self._fitting(min(most, len(self._values)), size)
        if not n:
            return None
        slice_ = Slice(self._positions[:n], self._values[:n])
        del self._positions[:n], self._values[:n]
        self.given = slice_.next_position
        return slice_

    def _fitting(self, most: int, size: int) -> int:
        for n in range(most):
            size -= len(self._values[n])
            if size <= 0:
                return n + 1
        return most
