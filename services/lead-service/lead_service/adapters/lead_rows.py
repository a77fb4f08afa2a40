"""Leads, to rows and back."""

from typing import Any

from lead_service.adapters.rows import Row, outside_columns, outside_name
from lead_service.domain.lead import Contact, Labels, Lead, LeadState


def lead_row(lead: Lead) -> dict[str, Any]:
    """Return the columns of a lead."""
    return {
        "state": lead.state.value,
        "captured_at": lead.captured_at,
        "funnel": lead.funnel,
        "name": lead.contact.name,
        "email": lead.contact.email,
        "phone": lead.contact.phone,
        "company": lead.contact.company,
        "source": lead.labels.source,
        "campaign_id": lead.labels.campaign_id,
        "segment": lead.labels.segment,
        "attributes": dict(lead.attributes),
        "owner_id": lead.owner_id,
        "qualified_at": lead.qualified_at,
        "accepted_at": lead.accepted_at,
        "converted_at": lead.converted_at,
        "deal_id": lead.deal_id,
        "merged_into": lead.merged_into,
        "recycle_until": lead.recycle_until,
        **outside_columns(lead.external),
        "fingerprint": lead.fingerprint,
    }


def lead_of(row: Row) -> Lead:
    """Return the lead of a row."""
    return Lead(
        id=row["id"],
        state=LeadState(row["state"]),
        captured_at=row["captured_at"],
        funnel=row["funnel"],
        contact=Contact(row["name"], row["email"], row["phone"], row["company"]),
        labels=Labels(row["source"], row["campaign_id"], row["segment"]),
        attributes=row["attributes"],
        owner_id=row["owner_id"],
        qualified_at=row["qualified_at"],
        accepted_at=row["accepted_at"],
        converted_at=row["converted_at"],
        deal_id=row["deal_id"],
        merged_into=row["merged_into"],
        recycle_until=row["recycle_until"],
        external=outside_name(row),
        fingerprint=row["fingerprint"],
    )
