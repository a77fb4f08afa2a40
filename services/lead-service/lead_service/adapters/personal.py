"""What is personal in a row: kept in the vault, beside the row, under the key of whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Table, and_, literal_column

from lead_service.adapters.rows import Row
from onefunnel.vault.stored import CONTACT, Known, Words
from onefunnel.vault.table import SUBJECT_KEY, VAULT

VERSION: Final = "contact_version"  # of what is in the vault, 0 where nothing is
ERASED: Final = "erased"
NAMELESS: Final = "(erased)"  # what is shown where there must be a name


@dataclass(frozen=True)
class Personal:
    """The columns of a row that are in the vault: what they are where nothing is known, and afterwards."""

    nothing: Mapping[str, Any]
    erased: Mapping[str, Any]
    subject: str = "id"  # the column that says whose it is
    field: str = CONTACT  # the vault's name for it, or how it begins
    part: str | None = None  # the column that ends the name

    def joined(self, table: Table) -> FromClause:
        """Return the table beside the vault and the keys, for reading."""
        subject = table.c[self.subject]
        keys = and_(
            SUBJECT_KEY.c.tenant_id == table.c.tenant_id, SUBJECT_KEY.c.subject_id == subject
        )
        vault = and_(
            VAULT.c.tenant_id == table.c.tenant_id,
            VAULT.c.subject_id == subject,
            VAULT.c.field == self._name(table),
        )
        return table.outerjoin(SUBJECT_KEY, keys).outerjoin(VAULT, vault)

    def _name(self, table: Table) -> ColumnElement[str]:
        begin: ColumnElement[str] = literal_column(f"'{self.field}'")
        if self.part is None:
            return begin
        return begin.concat(literal_column(f"{table.name}.{self.part}::text"))


LEAD: Final = Personal(
    nothing={"name": None, "email": None, "phone": None, "company": None, "attributes": {}},
    erased={"name": None, "email": None, "phone": None, "company": None, "attributes": {}},
)
PERSON: Final = Personal(
    nothing={"name": "", "email": None}, erased={"name": NAMELESS, "email": None}
)
ACTIVITY: Final = Personal(
    nothing={"note": None}, erased={"note": None}, subject="deal_id", field="activity:", part="id"
)
SPEND: Final = Personal(nothing={"note": None}, erased={"note": None}, field="spend")
LINE: Final = Personal(
    nothing={}, erased={}, subject="aggregate_id", field="history:", part="sequence"
)


def with_contact(personal: Personal, row: Row, known: Known | None) -> dict[str, Any]:
    """Return a row with what the vault holds of whose it is."""
    if known is None:
        return {**row, **personal.nothing, VERSION: 0}
    if known.key is None:
        return {**row, **personal.erased, VERSION: 0, ERASED: True}
    return {**row, **personal.nothing, **(known.contact or {}), VERSION: known.version}


def contact_of(
    personal: Personal | None, row: dict[str, Any], before: Row | None
) -> Sequence[Words]:
    """Return what of a row has to be kept in the vault, and count its version up in the row."""
    if personal is None:
        return ()
    names = personal.nothing
    if all(row[name] == (before or names)[name] for name in names):
        row.setdefault(VERSION, 0)
        return ()
    row[VERSION] = row.get(VERSION, 0) + 1
    document = {name: row[name] for name, empty in names.items() if row[name] != empty}
    return (Words(row["id"], CONTACT, row[VERSION], document),)
