"""Is this still the log that our positions belong to? Asked once for each claim."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

import msgspec

from onefunnel.events.envelope import decode
from onefunnel.log.ownership import Claim
from onefunnel.log.port import Damaged, Partition, PositionOutOfRange, Reader

_MAX_BYTES: Final = 8 * 1_048_576
_ANEW: Final = "the log was made anew: its positions are not those that were read"


async def discontinuities(
    reader: Reader, log_ids: Mapping[str, UUID], claims: Collection[Claim]
) -> dict[Partition, str]:
    """Return the partitions that must not be read on, each with the reason.

    A log made anew has another id; one restored from an older backup has the same id and another
    record before our position, or none.
    """
    reasons = {c.partition: _ANEW for c in claims if log_ids[c.partition.topic] != c.log_id}
    left = {c.partition: c for c in claims if c.next_position > 0 and c.partition not in reasons}
    while left:  # all at once: a lease does not wait for a hundred questions one by one
        found = await _before(reader, left)
        reasons |= {partition: reason for partition, reason in found.items() if reason}
        left = {partition: claim for partition, claim in left.items() if partition not in found}
    return reasons


async def _before(reader: Reader, claims: Mapping[Partition, Claim]) -> Mapping[Partition, str]:
    """Look at the records before some positions; return what is wrong with each that was seen, or nothing."""
    wanted = {partition: claim.next_position - 1 for partition, claim in claims.items()}
    try:
        found = await reader.fetch(
            wanted, max_records=len(wanted), max_bytes=_MAX_BYTES, wait_s=0, max_each=1
        )
    except PositionOutOfRange as error:
        expired = error.start == error.position + 1  # retention came exactly as far as we did
        return {error.partition: "" if expired else str(error)}
    except Damaged as error:
        return {error.partition: str(error)}
    if not found:
        return dict.fromkeys(wanted, "the log is shorter")
    return {p: _other_event(slice_.values[0], claims[p]) for p, slice_ in found.items()}


def _other_event(record: bytes, claim: Claim) -> str:
    try:
        event_id = decode(record).id
    except (msgspec.DecodeError, ValueError):
        return ""  # it was a dead letter: its bytes are kept, its id is not
    if claim.last_event_id in (None, event_id):
        return ""
    return f"the last record read was {claim.last_event_id}, the log holds {event_id} there"
