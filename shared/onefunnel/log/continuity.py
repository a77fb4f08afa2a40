"""Is this still the log that our positions belong to? Asked once for each claim."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

import msgspec

from onefunnel.events.envelope import decode
from onefunnel.log.ownership import Claim
from onefunnel.log.port import Damaged, Partition, PositionOutOfRange, Reader

_ONE_MIB: Final = 1_048_576


async def discontinuities(
    reader: Reader, log_ids: Mapping[str, UUID], claims: Collection[Claim]
) -> dict[Partition, str]:
    """Return the partitions that must not be read on, each with the reason.

    A log made anew has another id; one restored from an older backup has the same id and another
    record before our position, or none.
    """
    reasons = {claim.partition: await _reason(reader, log_ids, claim) for claim in claims}
    return {partition: reason for partition, reason in reasons.items() if reason}


async def _reason(reader: Reader, log_ids: Mapping[str, UUID], claim: Claim) -> str | None:
    if log_ids[claim.partition.topic] != claim.log_id:
        return "the log was made anew: its positions are not those that were read"
    if claim.next_position == 0:
        return None
    before = claim.next_position - 1
    try:
        found = await reader.fetch(
            {claim.partition: before}, max_records=1, max_bytes=_ONE_MIB, wait_s=0
        )
    except PositionOutOfRange as error:
        if error.start == claim.next_position:  # retention came exactly as far as we did
            return None
        return str(error)
    except Damaged as error:
        return str(error)
    return _other_event(found[claim.partition].values[0], claim) if found else "the log is shorter"


def _other_event(record: bytes, claim: Claim) -> str | None:
    try:
        event_id = decode(record).id
    except (msgspec.DecodeError, ValueError):
        return None  # it was a dead letter: its bytes are kept, its id is not
    if claim.last_event_id in (None, event_id):
        return None
    return f"the last record read was {claim.last_event_id}, the log holds {event_id} there"
