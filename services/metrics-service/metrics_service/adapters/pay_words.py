"""Why somebody was paid by hand, in words: in the vault, under the key of who is paid."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from metrics_service.domain.adjustment import Adjustment
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.notes import Notes, Place
from onefunnel.vault.stored import Gone

ERASED: Final = "(erased)"  # what is shown where there must be words and there are none any more


async def keep_reason(
    conn: AsyncConnection, tenant_id: UUID, keyring: Keyring, adjustment: Adjustment
) -> None:
    """Keep why. Who was erased is paid what they are owed all the same, and no words are kept."""
    notes = Notes(driver_of(conn), tenant_id, keyring)
    with suppress(Gone):
        await notes.keep(_place(adjustment.person_id, adjustment.id), adjustment.reason)


async def read_reasons(
    conn: AsyncConnection,
    tenant_id: UUID,
    keyring: Keyring,
    people: Mapping[UUID, UUID],
) -> Mapping[UUID, str]:
    """Return why, by adjustment; `people` says whom each was paid."""
    notes = Notes(driver_of(conn), tenant_id, keyring)
    places: Collection[Place] = [_place(person, id_) for id_, person in people.items()]
    said = await notes.read(places)
    return {
        id_: said[place] for id_, person in people.items() if (place := _place(person, id_)) in said
    }


def _place(person_id: UUID, adjustment_id: UUID) -> Place:
    return Place(person_id, f"adjustment:{adjustment_id}")
