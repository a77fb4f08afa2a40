"""Comparing what the gateway answers with what the facts say."""

from collections.abc import Iterator
from typing import Any

from standalone.demo.expected import Numbers, Sales
from standalone.demo.facts import ANCHOR, FIRST_DAY
from standalone.demo.scenes import Ids
from standalone.gateway_client import Gateway

_WINDOW = {"from": FIRST_DAY.isoformat(), "to": ANCHOR.isoformat()}


def differences(gateway: Gateway, numbers: Numbers, ids: Ids) -> Iterator[str]:
    """Yield every number at the gateway that is not what was counted."""
    answer = gateway.get("/v1/sales-performance", _WINDOW)
    yield from _sales("everybody", answer["groups"][0], numbers.everybody)
    answer = gateway.get("/v1/sales-performance", {**_WINDOW, "group_by": "person"})
    groups = {group["key"]: group for group in answer["groups"]}
    for person, sales in numbers.by_person.items():
        group = groups.get(ids("person", person))
        if group is None:
            yield f"{person}: missing"
        else:
            yield from _sales(person, group, sales)
    yield from _funnel(gateway, numbers)


def _sales(who: str, group: dict[str, Any], sales: Sales) -> Iterator[str]:
    counts = group["counts"]
    told = {name: counts[name] for name in counts}
    told["revenue_minor"] = sum(one["revenue"]["amount_minor"] for one in group["amounts"])
    for name in Sales.__slots__:
        if told[name] != getattr(sales, name):
            yield f"{who}: {name} is {told[name]} and should be {getattr(sales, name)}"


def _funnel(gateway: Gateway, numbers: Numbers) -> Iterator[str]:
    answer = gateway.get("/v1/funnel", _WINDOW)
    steps = {step["step"]: step for step in answer["groups"][0]["steps"]}
    # A deal that sales found alone begins its journey in the first deal step.
    wanted = {"lead": numbers.leads, "won": numbers.everybody.won}
    for step, count in wanted.items():
        if steps[step]["reached"] != count:
            yield f"funnel: {step} was reached by {steps[step]['reached']} and should be {count}"
    answer = gateway.get("/v1/funnel", {**_WINDOW, "group_by": "source"})
    for group in answer["groups"]:
        lead = next(step for step in group["steps"] if step["step"] == "lead")
        count = numbers.leads_by_source.get(group["key"], 0)
        if lead["entered"] != count:
            yield f"funnel: {group['key']} has {lead['entered']} leads and should have {count}"
