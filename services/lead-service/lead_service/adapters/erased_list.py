"""Who was erased, in all tenants: ids alone, to be kept outside of the database."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.domain.erasure import Erased
from onefunnel.persistence.database import driver_of

_ERASED: Final = """
SELECT tenant_id, kind, subject_id, requested_by, approved_by FROM erasure
WHERE erased_at IS NOT NULL ORDER BY erased_at, id"""


async def erased_list(conn: AsyncConnection) -> Sequence[Erased]:
    """Return everybody who was erased, in the order in which they were, under the worker role."""
    return [Erased(**row) for row in await driver_of(conn).fetch(_ERASED)]
