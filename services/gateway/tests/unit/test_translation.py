"""What a vendor's fields become under a mapping, and what of them may not get into an event."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from gateway.domain.webhooks.defaults import DEFAULTS
from gateway.domain.webhooks.mapping import Context, Mapping, Translated, translate
from gateway.domain.webhooks.reading import Change
from onefunnel.ids import derived_id

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TENANT, CONNECTION, DELIVERY = (UUID(int=n) for n in (1, 2, 3))
CONTEXT = Context(TENANT, CONNECTION, "crm", DELIVERY, NOW)


def translated(
    fields: dict[str, str | None], *, kind: Any = "deal", provider: str = "standard", **more: Any
) -> Translated:
    mapping = Mapping(**{**DEFAULTS[provider], **more.pop("mapping", {})})
    change = Change("k", "w", kind, "D-1", NOW, fields=fields, **more)
    return translate(change, mapping, CONTEXT)


def event_of(fields: dict[str, str | None], **more: Any) -> Any:
    found = translated(fields, **more)
    assert found.event is not None
    return found.event


def faults_of(found: Translated) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in found.faults]


@pytest.mark.parametrize("written", [
    "4917012345678", "0170 1234567", "0170/1234567", "(030) 12 34 56 7", "030-1234567",
    "+49 170 1234567", "call 0170 1234567", "tel:01701234567", "5551234", "001.555.123.4567",
    "ada@northwind.example", "Ada <ada@northwind.example>", "x" * 65,
])  # fmt: skip
@pytest.mark.parametrize(("name", "ours"), [("source", "origin"), ("lost_reason", "lost_reason")])
def test_an_address_a_number_or_a_sentence_is_no_code(written, name, ours):
    found = translated({name: written})
    assert getattr(found.event, ours) is None
    assert ours not in found.event.emptied
    assert faults_of(found) == [(f"/fields/{name}", "not-a-code")]
    assert written not in found.event.model_dump_json()


@pytest.mark.parametrize(("written", "reason"), [
    ("Price", "Price"), ("Price too high", "Price too high"), ("No budget / bad timing", "No budget / bad timing"),
    ("3", "3"), ("9f1b2c3d-4e5f-4a6b-8c7d-000011112222", "9f1b2c3d-4e5f-4a6b-8c7d-000011112222"),
    ("Didn't respond", None), ("Didn't respond in time", None), ("Anna Schmidt", None), ("ANNA", None),
    ("price, says Ada", None), ("Lost to Northwind", "competitor"), ("\u738b\u5c0f\u660e", None), ("Zoe2", None),
])  # fmt: skip
def test_why_a_deal_was_lost_names_nobody(written, reason):
    mapping = {"reasons": {"Lost to Northwind": "competitor"}}
    found = translated({"lost_reason": written, "status": "lost"}, mapping=mapping)
    assert (found.event.lost_reason, found.event.standing) == (reason, "lost")
    assert faults_of(found) == ([] if reason else [("/fields/lost_reason", "not-a-code")])
    assert reason or written not in found.event.model_dump_json()


@pytest.mark.parametrize("written", [
    "Web", "3", "123456", "6756839000000575405", "2026-11-17 webinar", "q4-2026-webinar",
    "9f1b2c3d-4e5f-4a6b-8c7d-000011112222", "webinar-20261117", "Price / too high (2026)", "12.50",
])  # fmt: skip
def test_a_word_a_date_or_an_id_is_one(written):
    found = translated({"source": written})
    assert found.event.origin is not None
    assert found.faults == ()


def test_a_number_that_the_owner_gave_a_word_for_is_that_word():
    mapping = {"sources": {"5551234": "hotline"}}
    assert event_of({"source": "5551234"}, mapping=mapping).origin == "hotline"


@pytest.mark.parametrize("currency", ["Euro", "\u20ac", "EURO", "E1R"])
def test_amounts_in_a_currency_that_cannot_be_named_are_left_out_and_the_rest_counts(currency):
    mapping = {"currency": "USD"}
    found = translated({"currency": currency, "amount": "1", "stage": "proposal"}, mapping=mapping)
    told = (found.event.stage, found.event.amount, found.event.currency)
    assert told == ("proposal", None, None)
    assert faults_of(found) == [("/fields/currency", "not-a-currency")]


@pytest.mark.parametrize(("named", "meant", "assumed"), [
    ("eur", "EUR", False), (" EUR ", "EUR", False), ("", "USD", True), (None, "USD", True),
])  # fmt: skip
def test_a_currency_that_the_crm_does_not_name_is_assumed(named, meant, assumed):
    event = event_of({"currency": named, "amount": "1"}, mapping={"currency": "USD"})
    assert (event.currency, event.currency_assumed) == (meant, assumed)


@pytest.mark.parametrize(("written", "digits", "amount"), [
    ("0", 0, "0"), ("0.00", 0, "0"), ("0.30", 0, "0.3"), ("12345678901234.07", 0, "12345678901234.07"),
    ("4825050", 2, "48250.50"), ("1", 2, "0.01"), ("48250500001", 6, "48250.500001"), ("4.8E4", 0, "48000"),
])  # fmt: skip
def test_an_amount_keeps_its_digits_and_zero_is_not_nothing(written, digits, amount):
    event = event_of({"amount": written}, mapping={"amount_digits": digits})
    assert Decimal(event.amount) == Decimal(amount)
    assert event.emptied == ()
    assert event_of({"amount": None}).emptied == ("amount",)
    assert event_of({}).emptied == ()


@pytest.mark.parametrize(
    ("written", "digits"), [("0.1234567", 0), ("12.3", 6), ("1e16", 0), ("NaN", 0)]
)
def test_an_amount_that_cannot_be_is_named_and_not_lost_in_silence(written, digits):
    found = translated({"amount": written}, mapping={"amount_digits": digits})
    assert found.event.amount is None
    assert faults_of(found) == [("/fields/amount", "not-an-amount")]


@pytest.mark.parametrize(("currency", "written", "amount"), [
    ("JPY", "1500", "1500"), ("JPY", "1500.00", "1500"), ("JPY", "1500.5", None),
    ("KWD", "12.345", "12.345"), ("KWD", "12.3456", None), ("EUR", "12.345", None),
    ("EUR", "1e2", "100"), ("EUR", "-0.01", None), ("EUR", "-0", "0"), (None, "12.345", "12.345"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["amount", "cost", "discount"])
def test_an_amount_has_the_digits_of_its_currency_and_is_not_below_zero(
    currency, written, amount, name
):
    found = translated({"currency": currency, name: written, "stage": "proposal"})
    assert (getattr(found.event, name), found.event.stage) == (amount, "proposal")
    assert faults_of(found) == ([] if amount else [(f"/fields/{name}", "not-an-amount")])
    assert found.event.emptied == ()


def test_the_digits_of_an_assumed_currency_count_as_well():
    found = translated({"amount": "10.5"}, mapping={"currency": "CLP"})
    assert (found.event.amount, found.event.currency_assumed) == (None, True)


@pytest.mark.parametrize(
    ("currency", "discount"), [("JPY", "11"), ("EUR", "11.11"), ("BHD", "11.111"), (None, "11.11")]
)
def test_a_discount_that_follows_from_a_percentage_has_the_digits_of_its_currency(
    currency, discount
):
    fields = {"Amount": "100", "Discount__c": "10", "CurrencyIsoCode": currency}
    assert event_of(fields, provider="salesforce").discount == discount


@pytest.mark.parametrize(("fields", "emptied"), [
    ({"amount": None}, ("amount",)), ({"amount.amountMicros": None}, ("amount",)),
    ({"amount": None, "amount.amountMicros": "5000000"}, ()), ({"amount": "x"}, ()), ({}, ()),
])  # fmt: skip
def test_of_what_has_no_value_no_part_has_one(fields, emptied):
    assert event_of(fields, provider="twenty").emptied == emptied


STAGES = {"12345:98765": "proposal", "1:open": "discovery", "2:open": "evaluation", "7": "won"}


@pytest.mark.parametrize(("pipeline", "stage", "step"), [
    ("12345", "98765", "proposal"), (None, "98765", "proposal"), ("2", "open", "evaluation"),
    (None, "open", None), ("3", "98765", None),
])  # fmt: skip
def test_a_stage_of_one_pipeline_is_known_by_itself_and_one_of_several_is_not(
    pipeline, stage, step
):
    fields = {"dealstage": stage} | ({"pipeline": pipeline} if pipeline else {})
    found = translated(fields, provider="hubspot", mapping={"stages": STAGES})
    assert found.event.stage == step
    assert faults_of(found) == ([] if step else [("/fields/dealstage", "unmapped")])


def test_a_time_that_lies_ahead_is_left_out():
    for ahead, kept in ((timedelta(minutes=4), True), (timedelta(days=9), False)):
        found = translated({"closed_at": (NOW + ahead).isoformat()})
        assert (found.event.closed_at is not None) == kept
        assert faults_of(found) == ([] if kept else [("/fields/closed_at", "in-the-future")])


def test_who_was_merged_and_who_was_forgotten_is_told_by_ids_alone():
    event = event_of({}, kind="lead", deleted=True, erased=True, merged_into="L-2")
    assert (event.merged_into, event.deleted, event.erased) == ("L-2", True, True)
    assert event.record_id == derived_id(TENANT, "crm", "lead", "D-1")


@pytest.mark.parametrize("tie", ["x" * 65, "a b", "\u00e9"])
def test_what_cannot_decide_between_two_changes_does_not_lose_them(tie):
    assert event_of({"amount": "1"}, tie=tie).tie == ""
