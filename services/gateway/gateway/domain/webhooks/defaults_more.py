"""The mappings that connections to the smaller CRMs begin with."""

from collections.abc import Mapping as Map
from typing import Any, Final

# To the default funnel's steps; a tenant with another funnel gives its own.
ENGLISH_STAGES: Final = {
    "Prospecting": "discovery",
    "Qualification": "discovery",
    "Needs Analysis": "evaluation",
    "Value Proposition": "evaluation",
    "Id. Decision Makers": "evaluation",
    "Perception Analysis": "evaluation",
    "Proposal": "proposal",
    "Proposal/Price Quote": "proposal",
    "Negotiation": "negotiation",
    "Negotiation/Review": "negotiation",
    "Closed Won": "won",
    "Closed Lost": "lost",
}
MORE: Final[Map[str, Map[str, Any]]] = {
    "papermark": {"shares": {}},
    "zoho": {
        "deal": {
            "stage": "Stage", "amount": "Amount", "currency": "Currency", "owner": "Owner",
            "campaign": "Campaign_Source", "source": "Lead_Source", "created_at": "Created_Time",
        },
        "lead": {"owner": "Owner", "source": "Lead_Source", "created_at": "Created_Time"},
        "stages": ENGLISH_STAGES,
        "standing": {
            "qualified": {"Converted__s": ["true"]},
            "disqualified": {"Lead_Status": ["Junk Lead", "Lost Lead", "Not Qualified"]},
        },
    },
    "dynamics": {
        "deal": {
            "stage": "stepname", "amount": "opportunity.value", "discount": "totaldiscountamount",
            "currency": "transactioncurrencyid.isocurrencycode",
            "owner": "ownerid", "campaign": "campaignid", "lead": "originatingleadid",
            "created_at": "createdon",
        },
        "lead": {
            "owner": "ownerid", "campaign": "campaignid", "source": "leadsourcecode",
            "created_at": "createdon", "deal": "qualifyingopportunityid",
        },
        "stages": {
            "1-Qualify": "discovery", "2-Develop": "evaluation", "3-Propose": "proposal",
            "4-Close": "negotiation",
        },
        "standing": {
            "won": {"opportunity.statecode": ["1"]},
            "lost": {"opportunity.statecode": ["2"]},
            "open": {"statecode": ["0"]},
            "qualified": {"lead.statecode": ["1"]},
            "disqualified": {"lead.statecode": ["2"]},
        },
    },
    "close": {
        "deal": {
            "stage": "status_id", "amount": "value", "currency": "value_currency",
            "owner": "user_id", "lead": "lead_id", "created_at": "date_created",
        },
        "lead": {"created_at": "date_created"},
        "stages": {},
        "standing": {
            "won": {"status_type": ["won"]},
            "lost": {"status_type": ["lost"]},
            "open": {"status_type": ["active"]},
        },
        "amount_digits": 2,
    },
    "espocrm": {
        "deal": {
            "stage": "stage", "amount": "amount", "currency": "amountCurrency",
            "owner": "assignedUserId", "campaign": "campaignId", "source": "leadSource",
            "created_at": "createdAt",
        },
        "lead": {
            "owner": "assignedUserId", "campaign": "campaignId", "source": "source",
            "created_at": "createdAt", "deal": "createdOpportunityId",
        },
        "stages": ENGLISH_STAGES,
        "standing": {"qualified": {"status": ["Converted"]}, "disqualified": {"status": ["Dead"]}},
    },
    "twenty": {
        "deal": {
            "stage": "stage", "amount": "amount.amountMicros", "currency": "amount.currencyCode",
            "created_at": "createdAt", "lead": "pointOfContactId",
        },
        "lead": {"created_at": "createdAt"},
        "stages": {
            "NEW": "discovery", "SCREENING": "discovery", "MEETING": "evaluation",
            "PROPOSAL": "proposal", "CUSTOMER": "won",
        },
        "standing": {},
        "amount_digits": 6,
    },
    "odoo": {
        "deal": {
            "stage": "stage_id", "amount": "expected_revenue", "owner": "user_id",
            "campaign": "campaign_id", "source": "source_id", "created_at": "create_date",
            "lead": "_id", "lost_reason": "lost_reason_id",
        },
        "lead": {
            "owner": "user_id", "campaign": "campaign_id", "source": "source_id",
            "created_at": "create_date",
        },
        "stages": {"1": "discovery", "2": "evaluation", "3": "proposal"},
        "standing": {
            "won": {"won_status": ["won"]},
            "lost": {"won_status": ["lost"]},
            "open": {"won_status": ["pending"]},
        },
    },
}  # fmt: skip
