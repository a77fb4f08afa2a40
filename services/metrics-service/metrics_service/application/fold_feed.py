"""Reading ahead of the fold: while the database works on a turn, the next one is fetched and decoded."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from metrics_service.application.fold_batch import Portion, read_all
from onefunnel.log.ownership import Claim
from onefunnel.log.port import LogError, Partition, Reader

Claims = Mapping[Partition, Claim]


class Feed:
    """The log from the claimed positions on. Partitions are served in the order of the claims."""

    def __init__(self, reader: Reader, *, events: int, max_bytes: int, wait_s: float) -> None:
        self._reader = reader
        self._events = events
        self._bytes = max_bytes
        self._wait_s = wait_s
        self._ahead: asyncio.Task[list[Portion]] | None = None

    async def next(self, claims: Claims) -> list[Portion]:
        """Return what stands next, at most a turn's worth; after a wait in vain, nothing."""
        ahead, self._ahead = self._ahead, None
        portions = await ahead if ahead else []
        if portions and all(_fits(portion, claims) for portion in portions):
            return portions
        wanted = {partition: claim.next_position for partition, claim in claims.items()}
        return await self._read(wanted, self._wait_s)

    def look_ahead(self, claims: Claims, portions: Sequence[Portion]) -> None:
        """Begin to read what comes after these portions, without waiting for it."""
        wanted = {partition: claim.next_position for partition, claim in claims.items()}
        wanted |= {portion.partition: portion.next_position for portion in portions}
        self._ahead = asyncio.create_task(self._read(wanted, 0))

    async def drop(self) -> None:
        """Forget what was read ahead. The reader may be used or closed afterwards."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            ahead.cancel()
            with suppress(asyncio.CancelledError, LogError):
                await ahead

    async def _read(self, wanted: Mapping[Partition, int], wait_s: float) -> list[Portion]:
        slices = await self._reader.fetch(
            wanted,
            max_records=self._events,
            max_bytes=self._bytes,
            wait_s=wait_s,
        )
        return read_all(slices)


def _fits(portion: Portion, claims: Claims) -> bool:
    claim = claims.get(portion.partition)
    return claim is not None and claim.next_position == portion.position
