"""The mapping that a connection begins with: each vendor's standard fields, to be changed by its owner."""

from collections.abc import Mapping as Map
from typing import Any, Final

from gateway.domain.webhooks.defaults_more import ENGLISH_STAGES, MORE
from gateway.domain.webhooks.salesforce import CONVERTED, STATUS

_PLAIN: Final = {
    name: name
    for name in ("stage", "amount", "currency", "cost", "discount", "owner", "campaign", "source",
                 "lost_reason", "created_at", "closed_at", "status")
}  # fmt: skip
_STEPS: Final = {
    step: step for step in ("discovery", "evaluation", "proposal", "negotiation", "won", "lost")
}
_BY_TYPE: Final[Map[str, Any]] = {
    "deal": {**_PLAIN, "lead": "lead_id"},
    "lead": {
        **{name: name for name in ("owner", "campaign", "source", "created_at")},
        "deal": "deal_id",
    },
    "stages": _STEPS,
    "standing": {
        name: {"status": [name]} for name in ("won", "lost", "open", "qualified", "disqualified")
    },
}

_HUBSPOT: Final[Map[str, Any]] = {
    "deal": {
        "stage": "dealstage",
        "pipeline": "pipeline",
        "amount": "amount",
        "currency": "deal_currency_code",
        "cost": "cost",
        "discount": "discount",
        "owner": "hubspot_owner_id",
        "source": "hs_analytics_source",
        "lost_reason": "closed_lost_reason",
        "created_at": "createdate",
        "lead": "associations.contact",
    },
    "lead": {
        "owner": "hubspot_owner_id",
        "source": "hs_analytics_source",
        "created_at": "createdate",
    },
    "stages": {
        "appointmentscheduled": "discovery",
        "qualifiedtobuy": "discovery",
        "presentationscheduled": "evaluation",
        "decisionmakerboughtin": "proposal",
        "contractsent": "negotiation",
        "closedwon": "won",
        "closedlost": "lost",
    },
    "standing": {
        "won": {"hs_is_closed_won": ["true"]},
        "lost": {"hs_is_closed": ["true"], "hs_is_closed_won": ["false"]},
        "open": {"hs_is_closed": ["false"]},
        "qualified": {
            "lifecyclestage": [
                "marketingqualifiedlead",
                "salesqualifiedlead",
                "opportunity",
                "customer",
            ]
        },
        "disqualified": {"hs_lead_status": ["UNQUALIFIED"]},
    },
}
_SALESFORCE: Final[Map[str, Any]] = {
    "deal": {
        "stage": "StageName",
        "amount": "Amount",
        "currency": "CurrencyIsoCode",
        "cost": "Total_Cost__c",
        "discount_percent": "Discount__c",
        "owner": "OwnerId",
        "campaign": "CampaignId",
        "source": "LeadSource",
        "lost_reason": "Loss_Reason__c",
        "created_at": "CreatedDate",
    },
    "lead": {
        "owner": "OwnerId",
        "campaign": "CampaignId",
        "source": "LeadSource",
        "created_at": "CreatedDate",
        "deal": "ConvertedOpportunityId",
    },
    "stages": ENGLISH_STAGES,
    "standing": {
        "won": {"IsWon": ["true"]},
        "lost": {"IsClosed": ["true"], "IsWon": ["false"]},
        "open": {"IsClosed": ["false"]},
        "qualified": {STATUS: ["Qualified", CONVERTED]},
        "disqualified": {STATUS: ["Unqualified", "Closed - Not Converted"]},
    },
}
_PIPEDRIVE: Final[Map[str, Any]] = {
    "deal": {
        "stage": "stage_id",
        "pipeline": "pipeline_id",
        "amount": "value",
        "currency": "currency",
        "owner": "owner_id",
        "source": "origin",
        "lost_reason": "lost_reason",
        "created_at": "add_time",
        "lead": "lead_id",
    },
    "lead": {"owner": "owner_id", "source": "source_name", "created_at": "add_time"},
    "stages": {
        "1": "discovery",
        "2": "discovery",
        "3": "evaluation",
        "4": "proposal",
        "5": "negotiation",
    },
    "standing": {
        "won": {"status": ["won"]},
        "lost": {"status": ["lost"]},
        "open": {"status": ["open"]},
    },
}

DEFAULTS: Final[Map[str, Map[str, Any]]] = {
    "hubspot": _HUBSPOT,
    "salesforce": _SALESFORCE,
    "salesforce-flow": _SALESFORCE,
    "salesforce-cdc": _SALESFORCE,
    "pipedrive": _PIPEDRIVE,
    "standard": _BY_TYPE,
    "cloudevents": _BY_TYPE,
    **MORE,
}
