"""Inputs near good ones: a seed is cut, doubled, joined with another, or changed in a few bytes."""

from collections.abc import Sequence
from random import Random
from typing import Final

MAX_BYTES: Final = 2_048

# What parsers trip over.
TOKENS: Final = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\xef\xbb\xbf", b"{", b"[", b'"', b"'",
    b"\\", b"%", b",", b";", b"=", b"v1,", b"t=", b"v1=", b"sha256=", b"Basic ", b".", b"-", b"+",
    b"1e999", b"NaN", b"-0", b"9" * 40, b"\xd9\xa1", b"\xef\xbc\x91", b"\r\n", b" ", b"\t", b"null",
    b"<!DOCTYPE a>", b'<?xml version="1.0" encoding="utf-7"?>', b"&a;", b"]]>", b"</", b"A" * 300,
)  # fmt: skip


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one input."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randrange(4)):
        at = random.randrange(len(data) + 1)
        kind = random.randrange(6)
        if kind == 0:
            data[at : at + 1] = random.choice(TOKENS)
        elif kind == 1:
            data[at:at] = random.choice(TOKENS)
        elif kind == 2:
            del data[at : at + random.randrange(8)]
        elif kind == 3 and at < len(data):
            data[at] = random.randrange(256)
        elif kind == 4:
            data[at:] = random.choice(seeds)[at:]
        else:
            data[at:at] = data[at // 2 : at]
    return bytes(data[:MAX_BYTES])
