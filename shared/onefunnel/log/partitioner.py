"""Which partition a key belongs to: the Java client's murmur2, computed by us for every log."""

from struct import Struct
from typing import Final
from uuid import UUID

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
_WORDS: Final = Struct("<I").iter_unpack


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 of the bytes, unsigned."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for (word,) in _WORDS(data[:whole]):
        k = (word * _M) & _MASK
        h = ((h * _M) & _MASK) ^ (((k ^ (k >> 24)) * _M) & _MASK)
    if rest := data[whole:]:
        h = ((h ^ int.from_bytes(rest, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: UUID, partitions: int) -> int:
    """Return the partition of an aggregate's id, from the lower-case text that is its record key."""
    return (murmur2(str(key).encode("ascii")) & 0x7FFFFFFF) % partitions
