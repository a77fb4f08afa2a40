"""What people read about tenants."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.tables import TENANT


async def tenant_name(conn: AsyncConnection) -> str:
    """Return the name of the tenant that the connection sees."""
    name: str = (await conn.execute(select(TENANT.c.name))).scalar_one()
    return name
