"""What the caller can read: the header `Accept`, as RFC 9110 means it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

ANYTHING: Final = "*/*"

_RANGE: Final = re.compile(r"\s*([^\s;,]+)\s*(?:;(.*))?", re.DOTALL)
_WEIGHT: Final = re.compile(
    r"(?:^|;)\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE
)
_WEIGHTED: Final = re.compile(r"(?:^|;)\s*q\s*=", re.IGNORECASE)


def accept_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return what a request accepts; without the header that is anything. Several headers are one list."""
    given = [value.decode("latin-1") for name, value in headers if name == b"accept"]
    return ",".join(given) if given else ANYTHING


def weight(accept: str, media: str) -> float:
    """Return how much `media` is wanted, from 1 down to 0 for not at all: the range that says most of it decides."""
    wanted = _weights(accept)
    kind = media.partition("/")[0]
    return next((wanted[one] for one in (media, f"{kind}/*", ANYTHING) if one in wanted), 0.0)


def first_of(accept: str) -> str:
    """Return the media range that is named first."""
    return next(iter(_weights(accept)), "")


@lru_cache(maxsize=256)
def _weights(accept: str) -> dict[str, float]:
    """Return the weight of each range; one whose weight is none is left out."""
    found: dict[str, float] = {}
    for part in accept.split(","):
        if (one := _RANGE.fullmatch(part)) is None:
            continue
        more = one[2] or ""
        given = _WEIGHT.search(more)
        if given or not _WEIGHTED.search(more):
            found.setdefault(one[1].lower(), float(given[1]) if given else 1.0)
    return found
