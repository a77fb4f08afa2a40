"""The register of births: which topics belong to the log, as they were when `migrate` made them.

Kafka gives every topic an id that ends with it, and the port wants to know of every topic whether its
positions still mean what they meant. One id per topic would answer that, but not that several topics
are one log, which a restored or foreign cluster is not. So a topic of its own says the id of the log
(by its own id) and which topics were born into it. A topic that was deleted and made anew is not
among them and bears an id of its own; a topic that a later release adds does not touch the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from onefunnel.log.port import Partition, Reader

REGISTER: Final = "onefunnel.register.v1"
_MAX_RECORDS: Final = 1_000
_MAX_BYTES: Final = 1024 * 1024


class Birth(msgspec.Struct):
    """A record of the register: the first one of a name counts."""

    topic: str
    topic_id: UUID


@dataclass(frozen=True, slots=True)
class Register:
    """What the register holds; its own id is the log's."""

    log_id: UUID
    births: Mapping[str, UUID]

    def log_id_of(self, topic: str, topic_id: UUID) -> UUID:
        """Return the log that a topic belongs to: this one, or none but itself."""
        return self.log_id if self.births.get(topic) == topic_id else topic_id


async def read_register(reader: Reader, start: Mapping[Partition, int]) -> Mapping[str, UUID]:
    """Read the whole register, and close the reader."""
    births: dict[str, UUID] = {}
    wanted = dict(start)
    try:
        while found := await reader.fetch(
            wanted, max_records=_MAX_RECORDS, max_bytes=_MAX_BYTES, wait_s=0
        ):
            for partition, slice_ in found.items():
                wanted[partition] = slice_.next_position
                for birth in _births(slice_.values):
                    births.setdefault(birth.topic, birth.topic_id)
    finally:
        await reader.close()
    return births


def _births(values: Sequence[bytes]) -> Sequence[Birth]:
    return [msgspec.json.decode(value, type=Birth) for value in values]
