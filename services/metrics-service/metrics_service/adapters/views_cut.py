"""A cut as SQL: which counters hold its dimensions, and where people stood on the day counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from metrics_service.application.queries.cut import OWNED, Cut
from metrics_service.application.queries.org import ORG_LABELS, Org, OrgLabel


@dataclass(frozen=True, slots=True)
class CutSql:
    """Pieces of a statement over a counter table called `c`; every value is a parameter."""

    group: str
    joins: str
    where: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


# A person without a place in the org chart on that day belongs to nobody, and still counts.
_STOOD: Final = """
    LEFT JOIN unnest(CAST(:{kind}_person AS text[]), CAST(:{kind}_first AS date[]),
                     CAST(:{kind}_last AS date[]), CAST(:{kind}_label AS text[]))
        AS {kind} (person, first, last, label)
        ON {kind}.person = c.value AND {day} BETWEEN {kind}.first AND {kind}.last"""


_WITHIN: Final = """
    AND EXISTS (SELECT 1 FROM unnest(CAST(:seen_person AS text[]), CAST(:seen_first AS date[]),
                                     CAST(:seen_last AS date[])) AS seen (person, first, last)
                WHERE seen.person = c.value AND {day} BETWEEN seen.first AND seen.last)"""


def cut_sql(cut: Cut, org: Org | None, *, day: str) -> CutSql:
    """Return the pieces for a cut that counters can answer; `day` is the SQL of the day counted."""
    assert cut.counted, "such a cut is recounted from entities"
    kinds = [kind for kind in ORG_LABELS if kind in cut.dimensions]
    parameters: dict[str, Any] = {"dim": _dim(cut)}
    where = "c.dim = :dim"
    for dimension, value in cut.filters.items():
        where += f" AND {_value(str(dimension))} = :is_{dimension}"
        parameters[f"is_{dimension}"] = value
    if cut.within is not None:
        where += _WITHIN.format(day=day)
        parameters["seen_person"] = [stretch.person for stretch in cut.within]
        parameters["seen_first"] = [stretch.first for stretch in cut.within]
        parameters["seen_last"] = [stretch.last for stretch in cut.within]
    for kind in kinds:
        assert org is not None, "the org chart is needed"
        parameters |= _spans(org, kind)
    joins = "".join(_STOOD.format(kind=kind, day=day) for kind in kinds)
    group = _value(cut.group_by) if cut.group_by else "''"
    return CutSql(group, joins, where, parameters)


def needs_org(cut: Cut) -> bool:
    """Say whether it matters who stood where, or who is seen, on the day counted."""
    return cut.within is not None or bool(cut.dimensions & set(ORG_LABELS))


def _dim(cut: Cut) -> str:
    if not cut.dimensions:
        return "all"
    if cut.dimensions <= OWNED:
        return "owner"
    (only,) = cut.dimensions
    return only


def _value(dimension: str) -> str:
    return f"coalesce({dimension}.label, '')" if dimension in ORG_LABELS else "c.value"


def _spans(org: Org, kind: OrgLabel) -> dict[str, Any]:
    spans = org.spans(kind)
    return {
        f"{kind}_person": [span.person for span in spans],
        f"{kind}_first": [span.first for span in spans],
        f"{kind}_last": [span.last for span in spans],
        f"{kind}_label": [span.label for span in spans],
    }
