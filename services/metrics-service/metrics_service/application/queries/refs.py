"""The ids in an answer that have a name somewhere: the gateway puts the names beside them."""

from collections.abc import Iterable

from metrics_service.application.metric import Refs
from metrics_service.application.queries.cut import Cut, Dimension

_KIND: dict[Dimension, str] = {
    "person": "person",
    "manager": "person",
    "campaign": "campaign",
    "product": "product",
    "account": "account",
}


def refs(**ids: Iterable[str]) -> Refs:
    """Return the distinct ids of each kind, sorted; empty ones name nobody."""
    found = {kind: sorted({one for one in given if one}) for kind, given in ids.items()}
    return {kind: given for kind, given in found.items() if given}


def refs_of(cut: Cut, groups: Iterable[str]) -> Refs:
    """Return the ids among the groups and filters of a cut."""
    found: dict[str, list[str]] = {}
    for dimension, value in cut.filters.items():
        if kind := _KIND.get(dimension):
            found.setdefault(kind, []).append(value)
    if cut.group_by and (kind := _KIND.get(cut.group_by)):
        found.setdefault(kind, []).extend(groups)
    return refs(**found)
