"""What a batch cannot carry: definitions, ratings, refunds, plans, quotas, content, feedback.

Each scene makes calls that have one effect however often they are made.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from typing import Any, Final
from uuid import UUID

from onefunnel.ids import derived_id
from standalone.demo.desk import Call, Desk
from standalone.demo.facts import ANCHOR, CURRENCY, FIRST_DAY, SOURCE, Company
from standalone.demo.items import at

_ANCHOR_AT: Final = datetime.combine(ANCHOR, time(), UTC)
_DEFINITION: Final = {
    "fit": {
        "rules": [
            {
                "id": "size",
                "when": {"field": "employees", "op": "between", "value": [100, 5_000]},
                "points": 50,
            },
            {
                "id": "decides",
                "when": {"field": "seniority", "op": "in", "value": ["director", "chief"]},
                "points": 30,
            },
        ]
    },
    "engagement": {
        "half_life_days": 21,
        "rules": [
            {
                "id": "webinar",
                "event": "touch.recorded",
                "where": {"channel": "webinar"},
                "points": 40,
            },
            {"id": "web", "event": "touch.recorded", "where": {"channel": "web"}, "points": 15},
        ],
    },
    "grades": {"fit": {"A": 60, "B": 30}, "engagement": {"1": 30, "2": 10}},
    "qualified": {"any_of": [{"grade_fit": ["A", "B"], "grade_engagement": ["1"]}]},
    "effective_from": at(_ANCHOR_AT),  # the year before it was qualified by hand
}
_PLANS: Final[dict[str, dict[str, Any]]] = {
    "revenue": {
        "name": "Revenue plan",
        "currency": CURRENCY,
        "components": [
            {
                "id": "commission",
                "measure": "revenue",
                "period": "quarter",
                "tiers": {
                    "basis": "attainment",
                    "mode": "marginal",
                    "table": [
                        {"from": "0", "rate": "0.05"},
                        {"from": "1", "rate": "0.08"},
                        {"from": "1.5", "rate": "0.1"},
                    ],
                },
            }
        ],
    },
    "margin": {
        "name": "Margin plan",
        "currency": CURRENCY,
        "components": [
            {
                "id": "commission",
                "measure": "margin",
                "period": "quarter",
                "tiers": {
                    "basis": "avg_margin_pct",
                    "mode": "retroactive",
                    "table": [
                        {"from": "-9", "rate": "0.06"},
                        {"from": "0.5", "rate": "0.09"},
                        {"from": "0.6", "rate": "0.12"},
                    ],
                },
            }
        ],
    },
}


class Ids:
    """The ids of the demo's things: they follow from their keys."""

    def __init__(self, tenant_id: UUID) -> None:
        self._tenant_id = tenant_id

    def __call__(self, kind: str, key: str) -> str:
        """Return the id of one thing."""
        return str(derived_id(self._tenant_id, SOURCE, kind, key))


def calls_needed(company: Company) -> int:
    """Return how many calls the scenes make, for a progress bar."""
    answered = sum(bool(one.answer) for one in company.feedback)
    refunds = sum(bool(deal.refund) for deal in company.deals)
    people = sum(len(keys) for keys in company.plans.values())
    return (
        4  # the definition: draft, two signatures, activation
        + 3 * len(company.ratings)
        + refunds
        + len(company.plans)
        + people
        + len(company.quotas)
        + len(company.assets)
        + len(company.shares)
        + len(company.views)
        + len(company.feedback)
        + answered
    )


def define(desk: Desk) -> None:
    """Let both sides sign what a qualified lead is."""
    drafted = desk.ask(Call("marketer", "/v1/definitions/mql", _DEFINITION, "mql"))
    path = f"/v1/definitions/mql/{drafted['version']}"
    desk.ask(Call("marketer", f"{path}/sign", {}, "mql-marketing"))
    desk.ask(Call("manager", f"{path}/sign", {}, "mql-sales"))
    desk.ask(Call("admin", f"{path}/activate", {}, "mql-active"))


def rate(desk: Desk, company: Company, ids: Ids) -> None:
    """Let both sides rate leads, sales blind to what marketing said."""
    desk.ask_all(_attributes(company, ids))
    for side, role in (("marketing", "marketer"), ("sales", "admin")):
        desk.ask_all(_ratings(company, ids, side, role))


def _attributes(company: Company, ids: Ids) -> Iterator[Call]:
    attributes = {lead.key: lead.attributes for lead in company.leads}
    for rating in company.ratings:
        path = f"/v1/leads/{ids('lead', rating.lead)}/attributes"
        body = {"attributes": attributes[rating.lead]}
        yield Call("marketer", path, body, f"attributes-{rating.lead}")


def _ratings(company: Company, ids: Ids, side: str, role: str) -> Iterator[Call]:
    for rating in company.ratings:
        score = rating.marketing if side == "marketing" else rating.sales
        path = f"/v1/leads/{ids('lead', rating.lead)}/ratings"
        why = {"reason": "wrong size"} if score == 1 else {}
        yield Call(role, path, {"side": side, "score": score, **why}, f"{side}-{rating.lead}")


def refund(desk: Desk, company: Company, ids: Ids) -> None:
    """Pay back parts of some deals."""
    for deal in company.deals:
        if deal.refund:
            when, fraction = deal.refund
            body = {"fraction": fraction, "at": at(when), "reason": "customer left"}
            path = f"/v1/deals/{ids('deal', deal.key)}/refunds"
            desk.ask(Call("comp_admin", path, body, f"refund-{deal.key}"))


def pay(desk: Desk, company: Company, ids: Ids) -> None:
    """Put both plans in force, assign everybody, set quotas."""
    calls = []
    for name, people in company.plans.items():
        plan = desk.ask(Call("comp_admin", "/v1/compensation/plans", _PLANS[name], f"plan-{name}"))
        for person in people:
            body = {
                "person": ids("person", person),
                "plan": plan["plan_id"],
                "from": FIRST_DAY.isoformat(),
            }
            calls.append(
                Call("comp_admin", "/v1/compensation/assignments", body, f"assigned-{person}")
            )
    for quota in company.quotas:
        body = {
            "person": ids("person", quota.person),
            "measure": "revenue",
            "period": quota.period,
            "currency": CURRENCY,
            "amount_minor": quota.amount_minor,
        }
        key = f"quota-{quota.person}-{quota.period}"
        calls.append(Call("comp_admin", "/v1/compensation/quotas", body, key))
    desk.ask_all(calls)


def share_content(desk: Desk, company: Company, ids: Ids) -> None:
    """Publish the library, share from it, and let buyers read."""
    assets = desk.ask_all(_publications(company, ids))
    by_key = dict(zip((one.key for one in company.assets), (a["id"] for a in assets), strict=True))
    shares = desk.ask_all(_shares(company, ids, by_key))
    desk.ask_all(_views(company, ids, by_key, shares))
    _converse(desk, company, ids, by_key)


def _publications(company: Company, ids: Ids) -> Iterator[Call]:
    for asset in company.assets:
        body = {
            "title": asset.title,
            "kind": asset.kind,
            "owner_id": ids("person", asset.owner),
            "stage": asset.stage,
            "segment": asset.segment,
            "expires_on": asset.expires_on.isoformat() if asset.expires_on else None,
            "pages": 6,
            "published_at": at(datetime.combine(FIRST_DAY, time(), UTC)),
            "external": {"source": SOURCE, "id": asset.key},
        }
        yield Call("marketer", "/v1/content", body, f"asset-{asset.key}")


def _shares(company: Company, ids: Ids, assets: dict[str, str]) -> Iterator[Call]:
    for n, share in enumerate(company.shares):
        body = {
            "deal_id": ids("deal", share.deal),
            "shared_by": ids("person", share.person),
            "shared_at": at(share.at),
        }
        yield Call("manager", f"/v1/content/{assets[share.asset]}/shares", body, f"share-{n}")


def _views(
    company: Company, ids: Ids, assets: dict[str, str], shares: Sequence[dict[str, Any]]
) -> Iterator[Call]:
    for view in company.views:
        body = {
            "view_id": ids("view", view.key),
            "share_id": shares[view.share]["id"],
            "viewed_at": at(view.viewed_at),
            "pages": [{"page": page, "duration_ms": ms} for page, ms in view.pages],
        }
        path = f"/v1/content/{assets[company.shares[view.share].asset]}/views"
        yield Call("integration", path, body, view.key)


def _converse(desk: Desk, company: Company, ids: Ids, assets: dict[str, str]) -> None:
    for one in company.feedback:
        body = {
            "kind": one.kind,
            "text": one.text,
            "owner_id": ids("person", one.owner),
            "due_on": one.due_on.isoformat(),
            "asset_id": assets[one.asset],
            "submitted_by": ids("person", one.submitted_by),
            "submitted_at": at(one.submitted_at),
        }
        said = desk.ask(Call("manager", "/v1/feedback", body, one.key))
        if one.answer:
            answer = {"text": one.answer, "changed": True}
            path = f"/v1/feedback/{said['id']}/answer"
            desk.ask(Call("manager", path, answer, f"answer-{one.key}"))
