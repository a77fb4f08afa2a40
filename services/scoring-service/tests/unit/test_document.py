"""The definition as people write it: what is wrong is said before anybody signs."""

import copy

import pytest
from pydantic import ValidationError

from scoring_service.domain.document import DefinitionDocument

from .unit_definitions import DOCUMENT, text_of


def broken(*path, value):
    document = copy.deepcopy(DOCUMENT)
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return text_of(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("fit", "rules", 0, "points"), 2.5),
        (("fit", "rules", 0, "points"), True),
        (("fit", "rules", 0, "points"), 1001),
        (("fit", "rules", 0, "when", "op"), "like"),
        (("fit", "rules", 0, "when", "value"), [200]),
        (("fit", "rules", 0, "when", "value"), ["a", "b"]),
        (("fit", "rules", 1, "when", "value"), "emea"),
        (("fit", "rules", 2, "when", "value"), ["a"]),
        (("fit", "rules", 1, "id"), "size"),
        (("engagement", "rules", 0, "id"), "size"),
        (("engagement", "rules", 0, "event"), "deal.won"),
        (("engagement", "rules", 0, "cap_per_day"), 0),
        (("engagement", "half_life_days"), 0),
        (("engagement", "rules", 0, "colour"), "red"),
        (("grades", "fit"), {"A": 40, "B": 40}),
        (("grades", "engagement"), {"1": 10, "2": 20}),
        (("qualified", "any_of"), []),
        (("qualified", "any_of", 0, "grade_fit"), ["D"]),
        (("qualified", "any_of", 1, "fired"), ["size"]),
        (("qualified", "any_of", 1, "fired"), ["nothing"]),
    ],
)
def test_a_definition_with_a_mistake_is_refused(path, value):
    DefinitionDocument.model_validate_json(text_of())
    with pytest.raises(ValidationError):
        DefinitionDocument.model_validate_json(broken(*path, value=value))


def test_a_document_reads_the_same_after_it_was_stored():
    document = DefinitionDocument.model_validate_json(text_of())
    stored = document.model_dump_json(by_alias=True)
    assert DefinitionDocument.model_validate_json(stored) == document
    assert DefinitionDocument.model_validate_json(stored).definition() == document.definition()
