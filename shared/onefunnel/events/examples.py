"""One example per event type, built from its definition: always valid, always the same bytes."""

import types
from datetime import date
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from onefunnel.events.catalogue import Event

_EXAMPLE_ID = "019abf0e-6a52-7c1e-9f0a-5d1f0f0a9c11"
_TEXT = {
    "currency": "EUR",
    "fraction": "0.25",
    "split": "1",
    "rate": "0.12",
    "quantity": "1",
    "period": "2026-03",
    "fit": "70",
    "engagement": "42.5",
    "grade": "A2",
    "stage": "proposal",
    "from_": "0",
    "to": "negotiation",
    "time_zone": "Europe/Berlin",
    "key": "proposal",
    "amount": "48250.50",
    "cost": "30100.00",
    "discount": "1500.00",
    "x": "1",
}
_CODE = "example"


def example(model: type[Event]) -> dict[str, Any]:
    """Return a JSON-ready example of an event's data; what it builds has passed the model's own checks."""
    return model.model_validate(_object(model)).model_dump(mode="json", by_alias=True)


def _object(model: type[BaseModel]) -> dict[str, Any]:
    fields = model.model_fields.items()
    return {
        field.alias or name: _value(model, name, field, field.annotation) for name, field in fields
    }


def _value(model: type[BaseModel], name: str, field: FieldInfo, kind: Any) -> Any:
    if isinstance(kind, NewType):
        kind = kind.__supertype__
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _value(model, name, field, args[0])
    if origin in (Union, types.UnionType):
        return _value(model, name, field, next(a for a in args if a is not type(None)))
    if origin is Literal:
        return args[0]
    if origin is tuple:
        return [_value(model, name, field, args[0])]
    if origin is dict:
        return {"lead": "2026-11-01T09:00:00Z"}
    return _scalar(model, name, kind)


def _scalar(model: type[BaseModel], name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _object(kind)
    if kind is str:
        if name == "from_" and "StageChanged" in model.__name__:
            return "proposal"
        return _TEXT.get(name, _CODE)
    plain = {
        UUID: _EXAMPLE_ID,
        AwareDatetime: "2026-11-22T09:00:00Z",
        date: "2026-11-22",
        bool: True,
        int: 1,
    }
    return plain[kind]
