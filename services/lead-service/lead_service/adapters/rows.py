"""Parts of rows that several kinds of aggregates share."""

from collections.abc import Mapping
from typing import Any

from lead_service.domain.values import External

Row = Mapping[str, Any]


def outside_columns(external: External | None) -> dict[str, Any]:
    """Return the columns of an outside name."""
    source, id_ = (external.source, external.id) if external else (None, None)
    return {"external_source": source, "external_id": id_}


def outside_name(row: Row) -> External | None:
    """Return the outside name of a row."""
    if row["external_source"] is None:
        return None
    return External(row["external_source"], row["external_id"])
