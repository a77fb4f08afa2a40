"""How records of one partition lie together in one row: msgpack, zstd level 1, a checksum of the bytes."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

import msgspec
import zstandard

_compress: Final = zstandard.ZstdCompressor(level=1).compress
_decompress: Final = zstandard.ZstdDecompressor().decompress
_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[bytes]).decode


class Packed(NamedTuple):
    """A batch as it is stored. `size` is that of the records themselves."""

    n: int
    size: int
    crc: int
    data: bytes


class BadChecksum(Exception):
    """The stored bytes are not the bytes that were written."""


def pack(values: Sequence[bytes]) -> Packed:
    """Return the stored form of consecutive records."""
    data = _compress(_pack(values))
    return Packed(len(values), sum(map(len, values)), _checksum(len(values), data), data)


def unpack(n: int, crc: int, data: bytes) -> list[bytes]:
    """Return the records of a stored batch. Raises `BadChecksum` if any bit of it has changed."""
    if _checksum(n, data) != crc:
        raise BadChecksum
    return _unpack(_decompress(data))


def _checksum(n: int, data: bytes) -> int:
    return crc32(data, n)
