"""Small parts that many bodies share."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from lead_service.application.ports import Kind
from lead_service.domain.values import External
from onefunnel.errors import invalid
from onefunnel.events.values import Minor, Money
from onefunnel.http.bodies import Body, Day, Id, KnownCurrency, OutsideName, Shown, Time
from onefunnel.ids import derived_id

MAX_ATTRIBUTES = 100

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\s@]{1,64}@[^\s@]+$")]
Phone = Annotated[str, StringConstraints(min_length=1, max_length=50)]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
AttributeText = Annotated[str, StringConstraints(max_length=1_000)]


def _within_64_bits(value: object) -> object:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("must be within 64 bits")
    return value


def _ordered(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes by name: a repetition may send them in any order."""
    return dict(sorted(attributes.items()))


AttributeValue = Annotated[
    AttributeText | int | float | bool | None, AfterValidator(_within_64_bits)
]
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    Field(max_length=MAX_ATTRIBUTES, description="Anything else that is known; kept here only."),
    AfterValidator(_ordered),
]
# An instant, or a date that means its start in the tenant's zone.
Moment = Time | Day


class ExternalIn(Body):
    """How another system names the thing: unique per tenant and kind."""

    source: OutsideName
    id: OutsideName

    def value(self) -> External:
        """Return the domain's value."""
        return External(self.source, self.id)

    def id_of(self, kind: Kind, tenant_id: UUID) -> UUID:
        """Return the id that follows from the name."""
        return derived_id(tenant_id, self.source, kind, self.id)


# Another entity: its id here, or its name elsewhere.
Reference = Id | ExternalIn


class MoneyIn(Body):
    """An amount in minor units of one currency."""

    amount_minor: Minor
    currency: KnownCurrency

    def value(self) -> Money:
        """Return the domain's value."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)


class View(Shown):
    """A part of an answer, read from a view's attributes."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    # What in it is said about a person outside, and what stands in its place for those who may not see it.
    PERSONAL: ClassVar[Mapping[str, Any]] = {}


def masked(body: object) -> object:
    """Return an answer without what it says about people outside."""
    if isinstance(body, View) and body.PERSONAL:
        return body.model_copy(update=dict(body.PERSONAL))
    return body


class ExternalOut(View):
    """How another system names the thing."""

    source: str
    id: str


class MoneyOut(View):
    """An amount in minor units of one currency."""

    amount_minor: int
    currency: str


def fingerprint(body: Body, external: ExternalIn | None) -> bytes | None:
    """Return what tells a repeated body from another one for the same outside name."""
    if external is None:
        return None
    said = body.model_dump_json(exclude={"do"}, exclude_unset=True)
    return sha256(said.encode()).digest()[:16]


def outside(external: ExternalIn | None) -> External | None:
    """Return the domain's value of an outside name."""
    return external.value() if external else None


def resolved(reference: UUID | ExternalIn | None, kind: Kind, tenant_id: UUID) -> UUID | None:
    """Return the id that a mention means, None for no mention."""
    if isinstance(reference, ExternalIn):
        return reference.id_of(kind, tenant_id)
    return reference


def meant(reference: UUID | ExternalIn, kind: Kind, tenant_id: UUID) -> UUID:
    """Return the id that a mention means."""
    return cast(UUID, resolved(reference, kind, tenant_id))


def changes(
    body: Body, tenant_id: UUID, kinds: dict[str, Kind], *, required: AbstractSet[str] = frozenset()
) -> Any:
    """Return what a PATCH names, by the names of the command: `owner` becomes `owner_id`.

    What is absent stays as it is, null empties; what may not be empty is in `required`.
    """
    found: dict[str, object] = {}
    for name in body.model_fields_set:
        value = getattr(body, name)
        if value is None and name in required:
            raise invalid("This cannot be emptied.", pointer=f"/{name}")
        if name in kinds:
            found[f"{name}_id"] = resolved(value, kinds[name], tenant_id)
        else:
            found[name] = value.value() if isinstance(value, MoneyIn) else value
    return found
