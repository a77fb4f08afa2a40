"""The entity tables of a generation, derived from `projections.columns`: one class, one table."""

from dataclasses import dataclass
from datetime import date
from types import UnionType
from typing import Final, NamedTuple, get_args, get_type_hints
from uuid import UUID

from metrics_service.application.fold_codes import AGGREGATE_CODE
from metrics_service.application.fold_routes import Kind
from metrics_service.projections.columns import AssetColumns, DealColumns, JourneyColumns

_SQL_TYPE: Final[dict[object, str]] = {str: "text", int: "bigint", date: "date", UUID: "uuid"}


@dataclass(frozen=True, slots=True)
class EntityTable:
    """A row per entity: its facts, the position of each feeding aggregate, what lists filter by."""

    name: str
    owner_code: int
    sequences: tuple[str, ...]
    listed: tuple[tuple[str, str, bool], ...]  # column, SQL type, may be NULL
    indexed: tuple[str, ...]

    def ddl(self, schema: str) -> str:
        """Return the statement that makes the table."""
        sequences = ", ".join(f"{column} INT NOT NULL" for column in self.sequences)
        listed = ", ".join(
            f"{name} {kind.upper()}{'' if optional else ' NOT NULL'}"
            for name, kind, optional in self.listed
        )
        return (
            f"CREATE TABLE {schema}.{self.name} (id UUID NOT NULL, tenant_id UUID NOT NULL,"
            f" {sequences}, {listed}, facts BYTEA NOT NULL)"
        )

    def indexes(self, schema: str) -> list[str]:
        """Return the statements that make its keys; a rebuild does so after filling it."""
        # The id first: the fold finds a row by it alone, and so sees that it is another tenant's.
        return [
            f"ALTER TABLE {schema}.{self.name} ADD PRIMARY KEY (id, tenant_id)",
            *(
                f"CREATE INDEX {self.name}_{column} ON {schema}.{self.name} (tenant_id, {column})"
                for column in self.indexed
            ),
        ]

    @property
    def types(self) -> tuple[tuple[str, str], ...]:
        """All columns in order, with their SQL types."""
        return (
            ("id", "uuid"),
            ("tenant_id", "uuid"),
            *((column, "int") for column in self.sequences),
            *((name, kind) for name, kind, _ in self.listed),
            ("facts", "bytea"),
        )


def _listed(columns: type[NamedTuple]) -> tuple[tuple[str, str, bool], ...]:
    found = []
    for name, hint in get_type_hints(columns).items():
        options = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        found.append((name, _SQL_TYPE[options[0]], type(None) in options))
    return tuple(found)


ENTITY_TABLES: Final = {
    Kind.DEAL: EntityTable(
        "deal",
        AGGREGATE_CODE["deal"],
        ("deal_seq",),
        _listed(DealColumns),
        ("created_on", "closed_on"),
    ),
    Kind.JOURNEY: EntityTable(
        "journey",
        AGGREGATE_CODE["lead"],
        ("lead_seq", "score_seq", "rating_seq"),
        _listed(JourneyColumns),
        ("captured_on",),
    ),
    Kind.ASSET: EntityTable(
        "asset", AGGREGATE_CODE["asset"], ("asset_seq",), _listed(AssetColumns), ()
    ),
}
