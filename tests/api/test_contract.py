"""The API does what its document says, whoever asks and whatever is sent: schemathesis, all phases.

Every case goes out as the tenant's owner. The document's own examples go out as every role, of the others
as many as there are roles, each as another one. Each service is asked directly too, as the gateway would ask it.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.checks import CHECKS, CheckContext
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi import checks as openapi

from gateway.main import checked_in_document
from metrics_service.entrypoints import waiting
from onefunnel.clock import SystemClock
from onefunnel.http import principal
from onefunnel.http.principal import HEADER, Principal, sign_principal
from onefunnel.reach import EVERYTHING, ROLES
from onefunnel.testing.postgres import INTERNAL_KEY

from .asking import ORIGIN, reaching
from .stage import Stage

SEED: Final = 20_261_122
MADE_UP: Final = (
    3  # cases per operation, beside the document's examples and the edges of its schemas
)
STORIES: Final = 12  # of a few requests each, where one uses what another has made
SERVICES: Final = ("lead", "scoring", "content", "metrics")
OTHERS: Final = tuple(role for role in ROLES if role != "admin")
# It never ends by itself; the gateway's `test_streams` reads it.
ENDLESS: Final = "/v1/events"

HeadersOf = Callable[[str], dict[str, str]]  # of a role

CONFORMANCE: Final = (
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
)
# A number that has not caught up says so with 503; a mistake of ours is a 500.
NO_MISTAKE: Final = ["2xx", "3xx", "4xx", "503"]
REFUSED: Final = [
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "409",
    "412",
    "413",
    "414",
    "415",
    "422",
]
CHECKED: Final = {
    # What a schema allows a rule may still forbid: that a lead has an owner, that a period is over.
    "positive_data_acceptance": {"enabled": False},
    "not_a_server_error": {"expected-statuses": NO_MISTAKE},
    "negative_data_rejection": {"expected-statuses": [*REFUSED, "428", "431"]},
    "missing_required_header": {"expected-statuses": [*REFUSED, "428"]},
}


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAIT_S", 0.01)
    monkeypatch.setattr(principal, "LIFE_S", 3_600)  # one header for the whole run


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", [*SERVICES, "gateway"])
def test_the_gateway_does_what_its_document_says(stage: Stage, service: str) -> None:
    document = _part(checked_in_document(), service)

    def headers(role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {stage.keys[role]}"}

    wrong = ran(stage, "gateway", document, headers)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_what_its_document_says(stage: Stage, service: str) -> None:
    app: Any = stage.apps[service]

    def headers(role: Any) -> dict[str, str]:
        caller = Principal(stage.tenant_id, f"key:{role}", role, rights=EVERYTHING)
        return {HEADER: sign_principal(caller, INTERNAL_KEY, SystemClock().now())}

    off = {"enabled": False}  # the gateway has passed on all of it
    wrong = ran(stage, service, app.openapi(), headers, coverage=off, stateful=off)
    assert not wrong, "\n\n".join(wrong)


def _part(document: dict[str, Any], service: str) -> dict[str, Any]:
    paths = {
        path: item
        for path, item in document["paths"].items()
        if path != ENDLESS and next(iter(item.values()))["x-onefunnel"]["service"] == service
    }
    return {**document, "paths": paths}


def ran(
    stage: Stage, service: str, document: dict[str, Any], headers: HeadersOf, **phases: Any
) -> list[str]:
    """Run the phases; return what was wrong, each kind of failure of an operation once."""
    options = {
        "base-url": ORIGIN,
        "headers": headers("admin"),
        "seed": SEED,
        "workers": 1,
        "generation": {"max-examples": MADE_UP, "deterministic": True, "database": "none"},
        "phases": {
            "examples": {"fill-missing": True},
            "coverage": {"unexpected-methods": ["put", "trace"]},
            "stateful": {"max-steps": 4, "generation": {"max-examples": STORIES}},
            **phases,
        },
        "checks": CHECKED,
    }
    found: dict[tuple[str, ...], str] = {}
    with reaching(stage, service) as reached, as_others_too(headers):
        config = schemathesis.Config.from_dict(options)
        schema = schemathesis.openapi.from_dict(document, config=config)
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                found |= _failures(event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                found[str(event.id),] = str(getattr(event, "info", event))
    print(f"{service}: {reached.asked} requests, seed {SEED}")
    return list(found.values())


class as_others_too:  # noqa: N801 - a context, used as one
    """Send an example once more as every other role, and of the other cases each as another role's."""

    def __init__(self, headers: HeadersOf) -> None:
        self._headers = headers
        self._turns: dict[str, Iterator[str]] = defaultdict(lambda: iter(OTHERS))

    def __enter__(self) -> None:
        CHECKS.register(self.as_another_role)

    def __exit__(self, *_: object) -> None:
        CHECKS.unregister("as_another_role")

    def as_another_role(self, ctx: CheckContext, _response: Response, case: Case) -> None:
        """Whoever asks, the answer is one that the document knows."""
        everybody = case.meta is not None and case.meta.phase.name is TestPhase.EXAMPLES
        turn = self._turns[case.operation.label]
        for role in OTHERS if everybody else itertools.islice(turn, 1):
            answer = case.call(ORIGIN, headers=self._headers(role))
            for check in (schemathesis.checks.not_a_server_error, *CONFORMANCE):
                check(ctx, answer, case)


def _failures(event: events.ScenarioFinished) -> dict[tuple[str, ...], str]:
    found = {}
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure, label = check.failure_info.failure, str(event.recorder.label)
                found[label, check.name, failure.title] = (
                    f"{label}: {check.name}: {failure.message}\n{check.failure_info.code_sample}"
                )
    return found
