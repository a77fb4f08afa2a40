"""What is shown of a value, in a log line or a traceback, says nothing of anybody: every model, every settings."""

import dataclasses
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

import onefunnel
from gateway.settings import GatewaySettings
from onefunnel.events.catalogue import Event
from onefunnel.events.values import Value
from onefunnel.http.pagination import ListOf
from onefunnel.profiles import embedded, scaleout
from standalone.host.stack import PACKAGES

CANARY = "Canary3f77"
# Why these may show what is in them.
REASONED = {
    Event: "holds ids, codes, times and amounts alone: shared/tests/events judges each field",
    Value: "a part of an event",
    RootModel: "a list of ids",
    ListOf: "shows its items, which show nothing",
    GatewaySettings: "where the gateway is and whom it believes; its secrets come from the runtime",
    embedded.Settings: "secrets and URLs with passwords are masked, see below",
    scaleout.Settings: "secrets and URLs with passwords are masked, see below",
}
RULES = "scoring_service.domain.document"  # a definition's rules, which both sides sign
QUESTIONS = {"metrics_service.entrypoints.questions", "metrics_service.entrypoints.http_metrics",
             "metrics_service.entrypoints.http_explain"}  # fmt: skip
# Fields that hold words or secrets wherever they are, and those that hold neither, and why.
WORDS = {"text", "words", "note", "evidence", "document", "email", "phone", "company", "body",
         "content", "secret", "token", "client_secret", "refresh_token", "password"}  # fmt: skip
NOT_SOMEBODYS = {
    **dict.fromkeys(("Edition.body", "ReviseAsset.body"), "what marketing publishes"),
    **dict.fromkeys(("DraftDefinition.document", "InForce.document", "Version.document"), "rules"),
    **dict.fromkeys(("Announced.body", "OutgoingDelivery.body"), "ids, codes, times and amounts"),
    **dict.fromkeys(
        ("Kept.words", "Step.words", "SubjectExport.words"), "values that show nothing"
    ),
    **dict.fromkeys(("Access.token", "Grant.client_secret", "Grant.refresh_token"), "sealed"),
    "ComponentView.note": "a sentence of ours",
    "CrmRecord.words": "what an event says, which says nothing of anybody",
    "OutgoingAnswer.body": "what a subscriber's server answers, cut short",
}


def modules() -> Iterator[Any]:
    roots = [import_module(package) for package in PACKAGES] + [onefunnel]
    for root in roots:
        for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            parts = found.name.split(".")
            if not {"migrations", "testing", "__main__"} & set(parts):
                yield import_module(found.name)


def classes() -> set[type[Any]]:
    found = [(m.__name__, one) for m in modules() for one in vars(m).values()]
    return {one for name, one in found if isinstance(one, type) and one.__module__ == name}


MODELS = sorted(
    (c for c in classes() if issubclass(c, BaseModel)), key=lambda c: (c.__module__, c.__name__)
)


def may_show(model: type[BaseModel]) -> bool:
    of_rules = any(one.__module__ == RULES for one in model.__mro__)
    return of_rules or model.__module__ in QUESTIONS or issubclass(model, tuple(REASONED))


def test_there_is_something_to_judge() -> None:
    assert len(MODELS) > 200


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.__module__}.{m.__name__}")
def test_no_model_shows_what_is_in_it(model: type[BaseModel]) -> None:
    if may_show(model):
        return
    whole = model.model_construct(**dict.fromkeys(model.model_fields, CANARY))
    shown = [repr(whole), str(whole), f"{whole!r:.5000}"]
    assert not [one for one in shown if CANARY in one], "derive it from Body or Shown"


@pytest.mark.parametrize(
    "settings",
    [
        embedded.Settings(database_url=f"postgresql://u:{CANARY}@h", internal_key=CANARY),
        scaleout.Settings(
            kafka_bootstrap="k:1",
            internal_key=CANARY,
            vault_key=CANARY,
            kafka_user="u",
            kafka_password=CANARY,
            **{f"{role}_url": f"postgresql://u:{CANARY}@h" for role in ("owner", "app", "worker")},
        ),
    ],
    ids=["embedded", "scaleout"],
)
def test_no_settings_show_a_secret(settings: BaseModel) -> None:
    assert CANARY not in repr(settings)
    assert CANARY not in str(settings)


def test_no_dataclass_shows_somebodys_words() -> None:
    shown = {
        f"{one.__name__}.{field.name}"
        for one in classes()
        if dataclasses.is_dataclass(one)
        for field in dataclasses.fields(one)
        if field.name in WORDS and field.repr
    }
    assert shown == NOT_SOMEBODYS.keys()
