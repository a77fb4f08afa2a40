"""Deals, to rows and back."""

from datetime import datetime
from fractions import Fraction
from typing import Any

from lead_service.adapters.rows import Row, outside_columns, outside_name
from lead_service.domain.booking import Booking
from lead_service.domain.deal import Deal, DealState, Loss, Terms
from onefunnel.events.deal import Credit, DealLine, Origin
from onefunnel.events.values import Money


def deal_row(deal: Deal) -> dict[str, Any]:
    """Return the columns of a deal."""
    terms, loss = deal.terms, deal.loss
    return {
        "state": deal.state.value,
        "stage": deal.stage,
        "funnel": deal.funnel,
        "name": deal.name,
        "currency": deal.currency,
        "created_at": deal.created_at,
        "closed_at": deal.closed_at,
        "owner_id": terms.owner_id,
        "amount_minor": terms.amount.amount_minor if terms.amount else None,
        "account_id": terms.account_id,
        "product_id": terms.product_id,
        "source": terms.source,
        "campaign_id": terms.campaign_id,
        "segment": terms.segment,
        "expected_close_on": terms.expected_close_on,
        "origin": deal.origin.model_dump(mode="json") if deal.origin else None,
        "outcome": loss.outcome if loss else None,
        "competitor": loss.competitor if loss else None,
        "reason": loss.reason if loss else None,
        "booking": _booking_json(deal.booking) if deal.booking else None,
        "booked_versions": deal.booked_versions,
        "refunded": str(deal.refunded),
        "paid_minor": deal.paid_minor,
        **outside_columns(deal.external),
        "fingerprint": deal.fingerprint,
    }


def _booking_json(booking: Booking) -> dict[str, Any]:
    return {
        "version": booking.version,
        "at": booking.at.isoformat(),
        "lines": [line.model_dump(mode="json") for line in booking.lines],
        "credits": [credit.model_dump(mode="json") for credit in booking.credits],
    }


def deal_of(row: Row) -> Deal:
    """Return the deal of a row."""
    currency, amount = row["currency"], row["amount_minor"]
    return Deal(
        id=row["id"],
        stage=row["stage"],
        currency=currency,
        created_at=row["created_at"],
        terms=Terms(
            owner_id=row["owner_id"],
            amount=None if amount is None else Money(amount_minor=amount, currency=currency),
            account_id=row["account_id"],
            product_id=row["product_id"],
            source=row["source"],
            campaign_id=row["campaign_id"],
            segment=row["segment"],
            expected_close_on=row["expected_close_on"],
        ),
        state=DealState(row["state"]),
        funnel=row["funnel"],
        name=row["name"],
        origin=Origin.model_validate(row["origin"]) if row["origin"] else None,
        closed_at=row["closed_at"],
        loss=Loss(row["outcome"], row["reason"], row["competitor"]) if row["outcome"] else None,
        booking=_booking(row["booking"]) if row["booking"] else None,
        booked_versions=row["booked_versions"],
        refunded=Fraction(row["refunded"]),
        paid_minor=row["paid_minor"],
        external=outside_name(row),
        fingerprint=row["fingerprint"],
    )


def _booking(stored: Row) -> Booking:
    return Booking(
        stored["version"],
        datetime.fromisoformat(stored["at"]),
        tuple(DealLine.model_validate(line) for line in stored["lines"]),
        tuple(Credit.model_validate(credit) for credit in stored["credits"]),
    )


def deal_status(deal: Deal) -> str:
    """Return what a timeline follows: the step, or how the deal ended."""
    return deal.stage if deal.state is DealState.OPEN else deal.state.value
