"""What a connection makes of a CRM's fields: JSON that its owner sees and changes. Errors name the field."""

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ValidationError

from gateway.domain.webhooks.codes import code_of, reason_of
from gateway.domain.webhooks.reading import Change, instant
from onefunnel.currencies import exponent_of
from onefunnel.events.crm import CrmChangeReceived
from onefunnel.ids import derived_id

# What can be mapped to a field of the CRM's, and is in events under these names.
FieldName = Literal[
    "stage", "pipeline", "amount", "currency", "cost", "discount", "discount_percent", "owner",
    "campaign", "source", "lead", "deal", "lost_reason", "created_at", "closed_at", "status",
]  # fmt: skip
TOO_MUCH: Final = 10**16
CLOCK_SLACK: Final = timedelta(minutes=5)
MAX_DIGITS: Final = 6  # behind the point, of any amount
MONEY: Final = ("amount", "cost", "discount")
# What CRMs write for a number, the large ones of some with an exponent; `Decimal` alone reads more than that.
_NUMBER: Final = re.compile(r"[+-]?\d{1,40}(?:\.\d{0,40})?(?:[Ee][+-]?\d{1,2})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_TIE: Final = re.compile(r"[0-9A-Za-z:.-]{0,64}", re.ASCII)
_EMPTIED: Final = {
    "amount": "amount", "cost": "cost", "discount": "discount", "owner": "owner",
    "campaign": "campaign", "source": "origin", "lost_reason": "lost_reason",
}  # fmt: skip

Wanted = Map[str, tuple[str, ...]]
Standing = Literal["won", "lost", "open", "qualified", "disqualified"]


@dataclass(frozen=True, slots=True)
class Mapping:
    """How to read a connection's records; every name on the right is the CRM's own."""

    deal: Map[str, str] = field(default_factory=dict)  # our field -> theirs
    lead: Map[str, str] = field(default_factory=dict)
    stages: Map[str, str] = field(
        default_factory=dict
    )  # stage or pipeline:stage -> step, won, lost
    standing: Map[str, Wanted] = field(
        default_factory=dict
    )  # won -> {their field: values}, all of them
    currency: str | None = None  # where the CRM names none
    amount_digits: int = 0  # digits behind the point of whole-number amounts: 2 for cents
    people: Map[str, str] = field(default_factory=dict)  # their owner -> our person's external id
    sources: Map[str, str] = field(default_factory=dict)  # their source -> ours
    reasons: Map[str, str] = field(default_factory=dict)  # why they say a deal was lost -> ours
    shares: Map[str, str] = field(default_factory=dict)  # their link -> our share of an asset


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that could not be used: where, and why, without its value."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Context:
    """Whose change it is, and which delivery brought it."""

    tenant_id: UUID
    connection_id: UUID
    source: str
    delivery_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Translated:
    """What a change becomes, and what of it could not be used."""

    event: CrmChangeReceived | None
    faults: tuple[Fault, ...] = ()


def translate(change: Change, mapping: Mapping, context: Context) -> Translated:
    """Return the event of a change; a field that cannot be used is left out and named."""
    if change.kind is None:
        return Translated(None)
    theirs = mapping.deal if change.kind == "deal" else mapping.lead
    reader = _Reader(change.fields, theirs, mapping, context, [])
    told = reader.told(change.kind)
    occurred_at = reader.occurred_at(change.at)
    try:
        event = CrmChangeReceived(
            record_id=derived_id(
                context.tenant_id, context.source, change.kind, change.external_id
            ),
            occurred_at=occurred_at,
            tie=change.tie if _TIE.fullmatch(change.tie) else "",
            kind=change.kind,
            source=context.source,
            external_id=change.external_id,
            connection_id=context.connection_id,
            delivery_id=context.delivery_id,
            deleted=change.deleted,
            erased=True if change.erased else None,
            merged_into=change.merged_into,
            emptied=tuple(reader.emptied()),
            **told,
        )
    except ValidationError as error:
        place = "/".join(str(part) for part in error.errors()[0]["loc"])
        return Translated(
            None, (*reader.faults, Fault(f"/{place}", "unusable", "has no form that we can use"))
        )
    return Translated(event, tuple(reader.faults))


@dataclass(slots=True)
class _Reader:
    """Reads one record's fields by a mapping, and notes what it could not use."""

    fields: Map[str, str | None]
    theirs: Map[str, str]
    mapping: Mapping
    context: Context
    faults: list[Fault]

    def told(self, kind: str) -> dict[str, Any]:
        """Return the fields of the event that the record mentions."""
        names = ("owner", "campaign", "lead", "deal")
        owner, campaign, lead, deal = (self._value(name) for name in names)
        step, standing = self._stage() if kind == "deal" else (None, None)
        return {
            "stage": step,
            "standing": self._standing() or standing,
            **self._money(),
            "owner_id": self._id(
                "person", self.mapping.people.get(owner, owner) if owner else None
            ),
            "campaign_id": self._id("campaign", campaign),
            "lead_id": self._id("lead", lead),
            "deal_id": self._id("deal", deal),
            "origin": self._code("source", code_of, self.mapping.sources),
            "lost_reason": self._code("lost_reason", reason_of, self.mapping.reasons),
            "created_at": self._time("created_at"),
            "closed_at": self._time("closed_at"),
        }

    def emptied(self) -> list[str]:
        """Return the names of what the CRM says has no value."""
        return [
            ours
            for name, ours in _EMPTIED.items()
            if (their := self.theirs.get(name)) and self._mentions(their) and not self._value(name)
        ]

    def _mentions(self, their: str) -> bool:
        """Say whether the CRM spoke of a field, or said of what it is part of that there is none."""
        if their in self.fields:
            return True
        whole = their
        while "." in whole:
            whole = whole.rpartition(".")[0]
            if whole in self.fields:
                return self.fields[whole] is None
        return False

    def occurred_at(self, at: datetime | None) -> datetime:
        """Return when it happened: at the latest when we heard of it, or it would outrank what comes later."""
        if at is not None and at > self.context.received_at + CLOCK_SLACK:
            self.faults.append(Fault("/time", "in-the-future", "lies ahead of when it came"))
            return self.context.received_at
        return at or self.context.received_at

    def _value(self, name: str) -> str | None:
        their = self.theirs.get(name)
        value = self.fields.get(their) if their else None
        return value or None

    def _fault(self, name: str, code: str, detail: str) -> None:
        self.faults.append(Fault(f"/fields/{self.theirs.get(name, name)}", code, detail))

    def _money(self) -> dict[str, Any]:
        """Return amounts and their currency; in one that we cannot name they would be other amounts."""
        told = (self._value("currency") or "").strip().upper()
        if told and not _CURRENCY.fullmatch(told):
            self._fault("currency", "not-a-currency", "is no code of a currency")
            return {}
        currency = told or self.mapping.currency
        # Of what names no currency nobody knows yet how many digits it has.
        digits = exponent_of(currency) if currency else None
        return {
            **{name: self._amount(name, digits) for name in MONEY},
            "currency": currency,
            "currency_assumed": not told and currency is not None,
        }

    def _stage(self) -> tuple[str | None, str | None]:
        stage = self._value("stage")
        if stage is None:
            return None, None
        step = self._step(stage, self._value("pipeline"))
        if step is None:
            self._fault("stage", "unmapped", "is no stage of the mapping; add it to `stages`")
            return None, None
        return (None, step) if step in {"won", "lost"} else (step, "open")

    def _step(self, stage: str, pipeline: str | None) -> str | None:
        stages = self.mapping.stages
        if pipeline is not None:
            return stages.get(f"{pipeline}:{stage}") or stages.get(stage)
        # A change of the stage alone leaves the pipeline out: a stage of only one is known all the same.
        steps = {step for name, step in stages.items() if name.endswith(f":{stage}")}
        return stages.get(stage) or (steps.pop() if len(steps) == 1 else None)

    def _standing(self) -> str | None:
        for name, conditions in self.mapping.standing.items():
            if conditions and all(
                self.fields.get(their) in values for their, values in conditions.items()
            ):
                return name
        return None

    def _amount(self, name: str, digits: int | None) -> str | None:
        if name == "discount" and "discount" not in self.theirs:
            return self._share(digits)
        text = self._value(name)
        value = self._number(name, text) if text is not None else None
        if value is None:
            return None
        amount = _plain(
            abs(value).scaleb(-self.mapping.amount_digits), MAX_DIGITS if digits is None else digits
        )
        if value < 0:
            self._fault(name, "not-an-amount", "is below zero")
        elif value >= TOO_MUCH:
            self._fault(name, "not-an-amount", "is beyond what an amount can be")
        elif amount is None:
            self._fault(name, "not-an-amount", "has more decimals than its currency")
        else:
            return amount
        return None

    def _share(self, digits: int | None) -> str | None:
        """Return the discount that a percentage of the list price amounts to."""
        percent, amount = self._value("discount_percent"), self._amount("amount", digits)
        if percent is None or amount is None:
            return None
        value = self._number("discount_percent", percent)
        if value is None:
            return None
        share = value / 100
        if not 0 <= share < 1:
            self._fault("discount_percent", "not-an-amount", "is not a share below 100 %")
            return None
        discount = Decimal(amount) * share / (1 - share)
        if abs(discount) >= TOO_MUCH:
            self._fault("discount_percent", "not-an-amount", "is beyond what an amount can be")
            return None
        digits = 2 if digits is None else digits
        return _plain(discount.quantize(Decimal(1).scaleb(-digits)), digits)

    def _number(self, name: str, text: str) -> Decimal | None:
        if not _NUMBER.fullmatch(text):
            self._fault(name, "not-an-amount", "is not a decimal number")
            return None
        return Decimal(text)

    def _id(self, kind: str, external_id: str | None) -> UUID | None:
        if external_id is None or external_id == "false":  # Odoo's word for nobody
            return None
        return derived_id(self.context.tenant_id, self.context.source, kind, external_id)

    def _code(
        self, name: str, known_as: Callable[[str, Map[str, str]], str | None], known: Map[str, str]
    ) -> str | None:
        text = self._value(name)
        code = known_as(text, known) if text is not None else None
        if text is not None and code is None:
            self._fault(name, "not-a-code", "is no code; map it to one")
        return code

    def _time(self, name: str) -> datetime | None:
        text = self._value(name)
        at = instant(text)
        if text is not None and at is None:
            self._fault(name, "not-a-time", "is not an instant")
        if at is not None and at > self.context.received_at + CLOCK_SLACK:
            self._fault(name, "in-the-future", "lies ahead of when it came")
            return None
        return at


def _plain(value: Decimal, digits: int) -> str | None:
    text = format(value.normalize(), "f")
    return text if len(text.partition(".")[2]) <= digits else None
