"""Identifiers: UUIDv7 when we mint one, UUIDv5 when it follows from an outside key."""

from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

import uuid_utils.compat

# A fixed namespace: derived ids must be equal on every machine and in every release.
_NAMESPACE = UUID("6f6e6566-756e-4e65-8c00-000000000001")


# The id of nothing and nobody: asked for where what is not there should cost what is there costs.
NOBODY: Final = UUID(int=0)


def new_id() -> UUID:
    """Return a new time-ordered UUIDv7."""
    return uuid_utils.compat.uuid7()


@lru_cache(maxsize=16_384)  # an import names the same people and products thousands of times
def derived_id(tenant_id: UUID, source: str, kind: str, key: str) -> UUID:
    """Return the UUIDv5 of an outside key: the same row of the same source is the same id for ever."""
    return uuid5(_NAMESPACE, "\x1f".join((str(tenant_id), source, kind, key)))


def part_id(whole: UUID, part: UUID) -> UUID:
    """Return the id of one part of something: a UUIDv7 of the same instant, the same whenever it is asked for."""
    hashed = uuid5(whole, str(part)).int
    return UUID(int=whole.int >> 64 << 64 | hashed & (1 << 64) - 1)
