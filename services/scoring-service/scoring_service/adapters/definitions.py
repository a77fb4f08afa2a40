"""The definition and its versions in PostgreSQL."""

from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, Select, and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from onefunnel.errors import not_found
from onefunnel.events.envelope import Metadata
from onefunnel.events.scoring import DefinitionActivated
from onefunnel.ids import derived_id
from onefunnel.outbox.rows import AggregateRows
from scoring_service.adapters.tables import DEFINITION, DEFINITION_VERSION
from scoring_service.domain.agreement import InForce, Signature, Status, Version
from scoring_service.domain.parties import Party, person_of

_SUBJECT: Final = "mql"


def definition_id(tenant_id: UUID) -> UUID:
    """Return the one id of a tenant's qualified-lead definition, over all versions."""
    return derived_id(tenant_id, "onefunnel", "definition", _SUBJECT)


def versions_of(tenant_id: UUID) -> Select[Any]:
    """Select the versions of a tenant's definition."""
    table = DEFINITION_VERSION
    return select(table).where(
        and_(table.c.tenant_id == tenant_id, table.c.id == definition_id(tenant_id))
    )


def version_from(row: RowMapping) -> Version:
    """Read a version from its row."""
    return Version(
        number=row["number"],
        document=_text(row["document"]),
        status=Status(row["status"]),
        effective_from=row["effective_from"],
        marketing=_signature(row, "marketing"),
        sales=_signature(row, "sales"),
    )


class SqlDefinitionReads:
    """What is in force in one tenant."""

    def __init__(self, conn: AsyncConnection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id
        self._in_force: list[InForce] | None = None

    async def in_force(self) -> list[InForce]:
        """Return every active version."""
        if self._in_force is None:
            query = versions_of(self._tenant_id).where(DEFINITION_VERSION.c.status == Status.ACTIVE)
            rows = (await self._conn.execute(query)).mappings()
            self._in_force = [
                InForce(row["number"], row["effective_from"], _text(row["document"]))
                for row in rows
            ]
        return self._in_force


class SqlDefinitions(SqlDefinitionReads):
    """Definitions of one tenant in one transaction."""

    def __init__(self, conn: AsyncConnection, metadata: Metadata) -> None:
        super().__init__(conn, metadata.tenant_id)
        self._rows = AggregateRows(conn, metadata, DEFINITION)

    @property
    def id(self) -> UUID:
        """The one id of the tenant's definition."""
        return definition_id(self._tenant_id)

    async def next_number(self) -> int:
        """Return the number of the next version and take it."""
        row = await self._rows.get(self.id)
        number: int = 1 if row is None else row["newest"] + 1
        await self._rows.save(self.id, {"newest": number}, [])
        return number

    async def get(self, number: int) -> Version:
        """Return a version, locked with its definition."""
        await self._rows.get(self.id)
        query = versions_of(self._tenant_id).where(DEFINITION_VERSION.c.number == number)
        row = (await self._conn.execute(query)).mappings().one_or_none()
        if row is None:
            raise not_found("version of the definition")
        return version_from(row)

    async def put(self, version: Version, *, by: Party) -> None:
        """Save a version that publishes nothing."""
        values = _values(version)
        key = {"tenant_id": self._tenant_id, "id": self.id, "number": version.number}
        statement = insert(DEFINITION_VERSION).values(
            key | values | {"drafted_by": by.principal_id}
        )
        await self._conn.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "id", "number"], set_=values
            )
        )

    async def activate(self, version: Version, event: DefinitionActivated) -> UUID:
        """Save an activated version and its event."""
        table = DEFINITION_VERSION
        await self._conn.execute(
            table.update()
            .where(
                table.c.tenant_id == self._tenant_id,
                table.c.id == self.id,
                table.c.number == version.number,
            )
            .values(_values(version))
        )
        row = await self._rows.get(self.id)
        assert row is not None, "a version belongs to a definition"
        event_id = await self._rows.save(self.id, {"newest": row["newest"]}, [event])
        assert event_id is not None
        return event_id


def _text(document: object) -> str:
    return orjson.dumps(document).decode()


def _signature(row: RowMapping, side: str) -> Signature | None:
    if row[f"{side}_by"] is None:
        return None
    return Signature(row[f"{side}_by"], person_of(row[f"{side}_person"]), row[f"{side}_at"])


def _values(version: Version) -> dict[str, object]:
    return {
        "document": orjson.loads(version.document),
        "status": version.status.value,
        "effective_from": version.effective_from,
        **_signed("marketing", version.marketing),
        **_signed("sales", version.sales),
    }


def _signed(side: str, signature: Signature | None) -> dict[str, object]:
    return {
        f"{side}_by": signature and signature.principal_id,
        f"{side}_person": signature and signature.person_id,
        f"{side}_at": signature and signature.signed_at,
    }
