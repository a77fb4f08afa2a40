"""What a service with words of its own does when somebody was erased: the words go, for good."""

from typing import Any, Final, cast

from onefunnel.events.catalogue import Event
from onefunnel.events.envelope import Envelope
from onefunnel.events.privacy import SubjectErased
from onefunnel.log.arrivals import Handler
from onefunnel.persistence.arrays import array
from onefunnel.persistence.database import driver_of
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.stored import StoredVault

ERASED: Final = "onefunnel.subject.erased.v1"

# Answers that are kept for idempotency keys repeat what was said: those about the subjects themselves,
# and those about what holds their words, whose id ends the name of the field.
_ANSWERS: Final = """
DELETE FROM idempotency WHERE tenant_id = $1 AND (
    object_id = ANY($2::text::uuid[]) OR object_id::text IN (
        SELECT split_part(field, ':', 2) FROM vault
        WHERE tenant_id = $1 AND subject_id = ANY($2::text::uuid[])))"""


def forgetting(keyring: Keyring) -> Handler:
    """Return the handler that destroys the keys of who was erased, with everything under them."""

    async def forget(conn: Any, envelope: Envelope, event: Event) -> None:
        erased, tenant_id = cast(SubjectErased, event), envelope.tenantid
        people = [erased.subject_id, *erased.same]
        driver = driver_of(conn)
        subjects = array("uuid", [*people, *erased.deals])
        await driver.execute(_ANSWERS, tenant_id, subjects)
        await StoredVault(driver, tenant_id, keyring).destroy(people, beside=erased.deals)

    return forget
