"""The counter tables, derived from the keys and vectors of `projections.keys`: one class, one table."""

from dataclasses import dataclass
from datetime import date
from typing import Final, get_type_hints
from uuid import UUID

from metrics_service.projections.keys import (
    VECTOR_OF,
    ContentUseKey,
    DurationKey,
    FunnelKey,
    Key,
    LeadUseKey,
    LedgerKey,
    PayKey,
    PipelineKey,
    SalesKey,
)

_SQL_TYPE: Final[dict[object, str]] = {str: "text", int: "int", date: "date", UUID: "uuid"}

# In the order in which a turn locks them; pay comes last, for the ledger waits on it.
_NAMES: Final[dict[type[Key], str]] = {
    FunnelKey: "funnel_counter",
    PipelineKey: "pipeline_counter",
    SalesKey: "sales_counter",
    DurationKey: "duration_counter",
    LeadUseKey: "lead_use_counter",
    ContentUseKey: "content_use_counter",
    PayKey: "pay_total",
}


@dataclass(frozen=True, slots=True)
class CounterTable:
    """A table of sums: `key` columns are its primary key after the tenant, `sums` are bigint."""

    name: str
    key: tuple[tuple[str, str], ...]  # column and SQL type
    sums: tuple[str, ...]
    order: tuple[str, ...]  # of the key's columns in the index

    def ddl(self, schema: str) -> str:
        """Return the statement that makes the table."""
        sums = ", ".join(f"{column} BIGINT NOT NULL" for column in self.sums)
        keys = ", ".join(f"{column} {kind.upper()} NOT NULL" for column, kind in self.key)
        return f"CREATE TABLE {schema}.{self.name} (tenant_id UUID NOT NULL, {keys}, {sums})"

    def primary_key(self, schema: str) -> str:
        """Return the statement that makes its primary key; a rebuild does so after filling it."""
        columns = ", ".join(("tenant_id", *self.order))
        return f"ALTER TABLE {schema}.{self.name} ADD PRIMARY KEY ({columns})"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in order."""
        return ("tenant_id", *(column for column, _ in self.key), *self.sums)


def _table(key: type[Key], name: str) -> CounterTable:
    columns = tuple((column, _SQL_TYPE[kind]) for column, kind in get_type_hints(key).items())
    # The ledger asks for all assignments of a ledger key, so that key comes first.
    order = (*LedgerKey._fields, "assignment_id", "plan_id") if key is PayKey else key._fields
    return CounterTable(name, columns, VECTOR_OF[key]._fields, order)


TABLE_OF: Final = {key: _table(key, name) for key, name in _NAMES.items()}
