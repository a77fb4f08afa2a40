"""What an error or a log shows of an object says nothing about anybody."""

import dataclasses
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel

import lead_service
from lead_service.domain.lead import Contact
from lead_service.entrypoints.schemas.batches import BatchIn
from lead_service.entrypoints.schemas.lead_answers import LeadOut
from lead_service.entrypoints.schemas.leads import LeadIn
from onefunnel.http.bodies import Body
from onefunnel.http.idempotency import Stored
from onefunnel.http.writes import Answer
from onefunnel.ids import new_id
from onefunnel.profiles import embedded, scaleout
from onefunnel.vault.keyring import Keyring
from onefunnel.vault.stored import Known, Words

CANARY = "Canary9b3c"
PERSONAL = {"name", "email", "phone", "company", "attributes", "note", "evidence", "changes"}


def classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(lead_service.__path__, "lead_service."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            found = vars(import_module(module.name)).values()
            yield from (one for one in found if isinstance(one, type))


def test_no_value_of_ours_shows_what_is_personal() -> None:
    told = {
        f"{one.__module__}.{one.__name__}.{field.name}"
        for one in classes()
        if dataclasses.is_dataclass(one) and one.__module__.startswith("lead_service")
        for field in dataclasses.fields(one)
        if field.name in PERSONAL and field.repr
    }
    # These are the names of places in our own code and in bodies, not of anybody.
    assert not {name for name in told if ".adapters." not in name}


def test_no_body_and_no_answer_shows_a_value() -> None:
    models = [one for one in classes() if issubclass(one, BaseModel)]
    assert len(models) > 40
    plain = BaseModel.__repr_args__
    ours = {one for one in models if one.__module__.startswith("lead_service")}
    shows = {one.__name__ for one in ours if one.__repr_args__ is plain}
    assert shows <= {"Wanted"}, f"derive it from Body or View: {shows}"


@pytest.mark.parametrize(
    "value",
    [
        LeadIn(name=CANARY, email=f"{CANARY}@example.org", attributes={CANARY: CANARY}),
        BatchIn.model_validate_json(
            b'{"source": "s", "items": [{"key": "k", "commands": [{"name": "Canary9b3c"}]}]}'
        ),
        LeadIn(name=CANARY).command(new_id()),
        Contact(CANARY, CANARY, CANARY, CANARY),
        LeadOut.model_construct(name=CANARY),
        Words(new_id(), "contact", 1, {"name": CANARY}),
        Known(Keyring(CANARY.encode()).made(new_id(), new_id()), 1, {"name": CANARY}),
        Stored(200, CANARY.encode()),
        Answer({"name": CANARY}),
        embedded.Settings(database_url=f"postgresql://u:{CANARY}@h", internal_key=CANARY),
        scaleout.Settings(
            kafka_bootstrap="k:1",
            internal_key=CANARY,
            vault_key=CANARY,
            **{f"{role}_url": f"postgresql://u:{CANARY}@h" for role in ("owner", "app", "worker")},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_shown_of_it_says_nothing(value: Any) -> None:
    assert CANARY not in repr(value)
    assert CANARY not in str(value)


def test_a_body_says_which_fields_were_given() -> None:
    assert repr(LeadIn(name=CANARY, source="web")) == "LeadIn(name=Ellipsis, source=Ellipsis)"
    assert issubclass(LeadIn, Body)
