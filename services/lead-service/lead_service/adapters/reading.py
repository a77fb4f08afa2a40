"""Reading what is in the vault together with the row that it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, FromClause, RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lead_service.adapters.personal import Personal
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.stored import gone
from onefunnel.vault.table import SUBJECT_KEY, VAULT

_BESIDE: Final = (
    SUBJECT_KEY.c.subject_id.label("vault_subject"),
    SUBJECT_KEY.c.wrapped.label("vault_key"),
    VAULT.c.field.label("vault_field"),
    VAULT.c.version.label("vault_version"),
    VAULT.c.sealed.label("vault_sealed"),
)


@dataclass(frozen=True)
class Reading:
    """How rows with something personal are read."""

    personal: Personal
    keyring: Keyring

    def columns(self, table: Table, names: Sequence[str]) -> list[ColumnElement[Any]]:
        """Return what to select for a view with these fields."""
        return [*(table.c[name] for name in names if name in table.c), *_BESIDE]

    def joined(self, table: Table) -> FromClause:
        """Return where to select it from."""
        return self.personal.joined(table)

    def opened(
        self, tenant_id: UUID, row: RowMapping, *, strictly: str | None = None
    ) -> dict[str, Any]:
        """Return the row with what was sealed; of somebody erased what stands for it.

        Where one thing is asked for, `strictly` names it, and then it is `gone`.
        """
        whole = {name: value for name, value in row.items() if not name.startswith("vault_")}
        if row["vault_subject"] is None:
            return {**whole, **self.personal.nothing}
        if row["vault_key"] is None:
            if strictly:
                raise gone(strictly)
            return {**whole, **self.personal.erased}
        return {**whole, **self.personal.nothing, **self.document(tenant_id, row)}

    def document(self, tenant_id: UUID, row: RowMapping) -> dict[str, Any]:
        """Return what was sealed, nothing where nothing was."""
        if row["vault_sealed"] is None:
            return {}
        key = self.keyring.opened(tenant_id, row["vault_subject"], row["vault_key"])
        content = key.open(row["vault_field"], row["vault_version"], row["vault_sealed"])
        document: dict[str, Any] = orjson.loads(content)
        return document

    async def names(
        self, conn: AsyncConnection, tenant_id: UUID, table: Table, ids: Sequence[UUID]
    ) -> dict[UUID, str]:
        """Return the names of those that exist; one without a name goes by the key it came with."""
        found = await conn.execute(
            select(table.c.id, table.c.external_id, *_BESIDE)
            .select_from(self.joined(table))
            .where(table.c.tenant_id == tenant_id, table.c.id.in_(ids))
        )
        whole = [self.opened(tenant_id, row) for row in found.mappings()]
        names = {row["id"]: row["name"] or row["external_id"] for row in whole}
        return {id_: name for id_, name in names.items() if name is not None}
