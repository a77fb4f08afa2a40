"""Every column that can hold text is judged: a code, sealed, or in clear for a reason in docs/privacy.md."""

from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

# In the databases of several services. Principals are ids of keys or of users, never names.
EVERYWHERE = {
    "alembic_version": "version_num",
    "audit": "action digest mark object_id operation principal_id request_id resource role told",
    "audit_head": "hash",
    "audit_seal": "hash",
    "dead_event": "actor aggregate detail group_id reason record status topic type",  # events
    "erased_address": "tombstone",
    "idempotency": "fingerprint location scope sealed",
    "inbox": "digest",
    "outbox": "record topic",  # events
    "relay_lease": "name owner",
    "stream_member": "group_id name",
    "stream_partition": "group_id halt_reason owner status topic",
    "subject_key": "wrapped",
    "vault": "address field sealed",
}
# Codes of the tenant's vocabulary, states, ids, digests, and what is sealed.
JUDGED = {
    "lead": {
        "account": "segment",
        "activity": "kind",
        "batch_item": "fingerprint",
        "campaign": "channel",
        "crm_record": "kind passed problem words",  # the words of an event, which has no others
        "deal": "booking competitor currency fingerprint funnel origin outcome reason refunded"
        " segment source stage state",
        "erasure": "approved_by kind requested_by",
        "funnel": "code versions",
        "history": "actor_id details from_state to_state what",
        "lead": "captured_by captured_state fingerprint funnel segment source state",
        "person": "kind memberships",
        "product": "currency",
        "campaign_spend": "currency",
        "tenant": "currency time_zone",
        "touch": "channel side",
    },
    "scoring": {
        "activity": "facts kind",
        "asset": "kind",
        "definition_version": "document drafted_by marketing_by sales_by status",
        "lead_rating": "method",
        "lead_score": "attributes grade segment source",
        "rating": "rated_by reason side",
        "reconciliation": "decided_principal method",
    },
    "content": {
        "asset": "kind segment stage",
        "asset_rating": "principal_id",
        "asset_version": "published_by",
        "feedback": "kind",
        "own_domain": "domain",
        "search": "digest",
        "share": "principal_id revoked_by token_hash",
        "viewing": "client",  # a digest
        "winloss": "reasons voice",
    },
    "metrics": {
        "closed_deal": "facts people period",  # of events
        "closed_rules": "period state",
        "journal": "record",
        "ledger_entry": "account component currency earned_period inputs kind posted_period",
        "parked_event": "reason record",
        "pay_adjustment": "code currency status",
        "pay_period": "granularity name",
        "pay_plan": "documents",
        "pay_quota": "component currency measure period",
        "projection_generation": "shape",
    },
    "gateway": {
        "api_key": "environment role secret_hash",
        "body_key": "sealed",
        "connection": "access attention channel endpoint_id mapping provider public_url secrets settings source state",
        "connection_endpoint": "id",
        "content_view": "document_id link_id pages view_id",
        "crm_lane": "marks trouble",
        "delivery": "digest faults sealed status trace",
        "delivery_key": "digest key",
        "identity_user": "refused_roles subject",
        "reconciliation": "cause faults progress status totals",
        "record_read": "change kind",
        "webhook_delivery": "body last_error status type",
        "webhook_subscription": "events last_failure paused_because secrets state url",
    },
    "eventlog": {"fence": "source", "record_batch": "data", "topic": "name"},
}
# In clear, and why: the second table of docs/privacy.md.
IN_CLEAR = {
    "names of things": {
        "lead": {"account": "name", "campaign": "name", "product": "name"},
        "gateway": {
            "api_key": "name",
            "connection": "name",
            "tenant": "name",
            "webhook_subscription": "description",
        },
    },
    "names of deals": {"lead": {"deal": "name"}},
    "titles, summaries and texts of assets": {
        "content": {"asset": "body search summary title", "asset_version": "body summary title"}
    },
    "outside keys": {
        "lead": {
            **dict.fromkeys(
                ("account", "campaign", "crm_record", "deal", "lead", "person", "product"),
                "external_id external_source",
            ),
            "batch_item": "key source",
        },
        "gateway": {"delivery_key": "record", "record_read": "external_id"},
    },
}
PACKAGES = {
    "lead": "lead_service",
    "scoring": "scoring_service",
    "content": "content_service",
    "metrics": "metrics_service",
    "gateway": "gateway",
    "eventlog": "onefunnel.log",
}
# The projections of metrics are made of events alone, and made anew from them.
_TEXTS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public'
AND data_type NOT IN ('uuid', 'boolean', 'integer', 'bigint', 'smallint', 'numeric', 'date',
    'timestamp with time zone')"""


def spelled(tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for table, columns in tables.items():
        yield from ((table, column) for column in columns.split())


@pytest.mark.parametrize("database", PACKAGES)
async def test_every_column_that_can_hold_words_is_judged(
    database: str, fresh_database: Callable[..., Any]
) -> None:
    owner = await asyncpg.connect(fresh_database(PACKAGES[database]).owner_url)
    there = {tuple(row) for row in await owner.fetch(_TEXTS)}
    await owner.close()
    own = [JUDGED[database], *(of.get(database, {}) for of in IN_CLEAR.values())]
    judged = [column for tables in own for column in spelled(tables)]
    assert len(judged) == len(set(judged)), "judged twice"
    assert there - set(judged) - set(spelled(EVERYWHERE)) == set(), (
        "judge it, and say so in privacy.md"
    )
    assert set(judged) - there == set(), "it is not there any more"


def test_what_is_in_clear_is_said_in_the_page(pytestconfig: pytest.Config) -> None:
    page = (pytestconfig.rootpath / "docs" / "privacy.md").read_text()
    assert [reason for reason in IN_CLEAR if f"| {reason}" not in page] == []
