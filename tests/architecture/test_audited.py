"""Every operation that changes something is witnessed, whoever writes the next one."""

import asyncio
from importlib import import_module
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant

from gateway.main import own_app
from onefunnel.audit.policy import _EVERYDAY, audited
from onefunnel.audit.witness import deed_of
from onefunnel.http.operating import operating_routes
from onefunnel.http.routing import StrictRoute
from onefunnel.http.writes import Write
from onefunnel.profiles.embedded import Settings, open_runtime
from standalone.host.stack import PACKAGES

READING = {"GET", "HEAD"}
# Everything here has a reason of its own not to be witnessed where it is answered.
FORWARDED = {  # the gateway passes them on; the service that does it writes the row
    "redriveDeadLetter",
    "discardDeadLetter",
    "resumePartition",
}
FACTS = {  # a CRM, a browser or a sample tells what happened; nobody of ours decides anything
    "deliverWebhook",
    "deliverWebhookWithSecret",
    "askFirst",
    "testConnection",
    "openView",
    "reportPage",
}


def routes_of(app: FastAPI) -> list[StrictRoute]:
    return list(app.openapi.args[1])  # what its document is made of


@pytest.fixture(scope="module")
def changing() -> dict[tuple[str, str], StrictRoute]:
    """Return every operation of every service that is not a read."""
    settings = Settings(database_url="postgresql://nobody@/?host=/nowhere", internal_key="k" * 32)
    runtime = open_runtime(settings, part="web", checks=[], apps={})
    apps = {"gateway": own_app(runtime)}
    for package in PACKAGES:
        if package != "gateway":
            apps[package] = import_module(f"{package}.main").build(runtime).app
    found = {
        (name, route.operation_id): route
        for name, app in apps.items()
        for route in routes_of(app)
        if not route.methods <= READING
    }
    asyncio.run(runtime.close())
    return found


def writes(dependant: Dependant) -> bool:
    """Say whether a route gets its transaction from the one place that witnesses."""
    made = _returned(dependant.call)
    if made is Write or Write in _hints(made).values():
        return True
    return any(writes(one) for one in dependant.dependencies)


def _returned(call: Any) -> Any:
    return getattr(call, "__annotations__", {}).get("return")


def _hints(made: Any) -> dict[str, Any]:
    return getattr(made, "__annotations__", {}) if isinstance(made, type) else {}


def operated() -> set[str]:
    return {route.operation_id for route in operating_routes(None).routes}


def test_a_change_is_made_where_it_is_witnessed(changing) -> None:
    assert len(changing) > 60, "the enumeration found too little to be true"
    loose = {
        f"{service}: {operation}"
        for (service, operation), route in changing.items()
        if not writes(route.dependant)
        and operation not in operated()
        and operation not in FACTS
        and not (service == "gateway" and operation in FORWARDED)
    }
    assert not loose, f"changes past onefunnel.http.writes.Write, which commits the audit: {loose}"


def test_what_moves_pay_rights_or_data_is_audited(changing) -> None:
    """The promise, spelled out: these may never be put on the list of everyday facts."""
    promised = {
        "plan",
        "quota",
        "adjustment",
        "period",
        "api_key",
        "connection",
        "person",
        "tenant",
    }
    promised |= {"definition", "funnel", "product", "batch", "internal"}
    for route in changing.values():
        resource, action = deed_of(route)
        if resource in promised:
            assert audited(resource, action), f"{resource}.{action} must be audited"


def test_the_list_of_everyday_facts_names_what_is_there(changing) -> None:
    there = {deed_of(route) for route in changing.values()}
    listed = {(resource, action) for resource, actions in _EVERYDAY.items() for action in actions}
    assert listed <= there, f"nothing does these any more: {listed - there}"


def test_what_nobody_listed_is_audited() -> None:
    assert audited("something", "new")
