"""Definitions to score by: written as people write them."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from scoring_service.domain.document import DefinitionDocument
from scoring_service.domain.score import Activity

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

DOCUMENT = {
    "gates": [{"field": "country", "op": "not_in", "value": ["XX"]}],
    "fit": {
        "max": 100,
        "group_caps": {"firmographic": 40},
        "rules": [
            {"id": "size", "when": {"field": "employees", "op": "between", "value": [200, 5000]},
             "points": 25, "group": "firmographic"},
            {"id": "region", "when": {"field": "segment", "op": "in", "value": ["emea", "us"]},
             "points": 25, "group": "firmographic"},
            {"id": "role", "when": {"field": "role", "op": "eq", "value": "it_director"},
             "points": 35},
            {"id": "student", "when": {"field": "student", "op": "eq", "value": True},
             "points": -50},
        ],
    },
    "engagement": {
        "max": 100,
        "half_life_days": 14,
        "group_caps": {"mail": 20},
        "rules": [
            {"id": "webinar", "event": "touch.recorded", "where": {"channel": "webinar"},
             "points": 30, "cap_per_day": 30},
            {"id": "demo", "event": "touch.recorded", "where": {"channel": ["demo", "trial"]},
             "points": 60, "half_life_days": 45},
            {"id": "open", "event": "touch.recorded", "where": {"channel": "email"},
             "points": 2, "cap_total": 10, "group": "mail"},
            {"id": "pricing", "event": "content.viewed", "where": {"kind": "pricing"},
             "points": 15, "cap_per_day": 15},
            {"id": "left", "event": "touch.recorded", "where": {"channel": "unsubscribed"},
             "points": -40},
        ],
    },
    "grades": {"fit": {"A": 70, "B": 40}, "engagement": {"1": 60, "2": 25}},
    "qualified": {
        "any_of": [
            {"grade_fit": ["A", "B"], "grade_engagement": ["1"]},
            {"grade_fit": ["A"], "grade_engagement": ["2"], "fired": ["pricing"]},
        ]
    },
}  # fmt: skip


def text_of(document: object = None) -> str:
    return json.dumps(document if document is not None else DOCUMENT)


def definition(document: object = None):
    return DefinitionDocument.model_validate_json(text_of(document)).definition()


def touch(n: int, channel: str, *, days_ago: float = 0) -> Activity:
    at = NOON - timedelta(days=days_ago)
    return Activity(UUID(int=n), "touch.recorded", at, {"channel": channel, "side": "marketing"})


def view(n: int, kind: str, *, days_ago: float = 0) -> Activity:
    at = NOON - timedelta(days=days_ago)
    return Activity(UUID(int=n), "content.viewed", at, {"kind": kind, "seconds": 30})
