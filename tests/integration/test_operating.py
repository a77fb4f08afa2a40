"""Events that a service cannot take in, in the hands of an operator: the gateway, services and log are real."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.types import ASGIApp

from gateway.main import build as build_gateway
from gateway.main import provision_tenant
from onefunnel.events import Event
from onefunnel.events.envelope import Metadata, Record, encode
from onefunnel.events.lead import LeadCaptured, LeadUpdated
from onefunnel.events.scoring import LeadQualified
from onefunnel.events.topics import LEAD, SCORING
from onefunnel.events.values import LeadId
from onefunnel.ids import new_id
from onefunnel.log import consumer, ownership, turn
from onefunnel.log.partitioner import partition_of
from onefunnel.log.port import Outgoing
from onefunnel.runtime import Runtime
from onefunnel.service import Service
from onefunnel.testing.waiting import until
from scoring_service.adapters.leads import SqlLeads
from scoring_service.domain.lead_score import LeadScore

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
LETTERS = "/v1/dead-letters"
PACKAGES = ("lead_service", "scoring_service", "content_service", "metrics_service")
SETTINGS = {"time_zone": "UTC", "currency": "EUR", "fiscal_year_start": 1}


@dataclass
class Company:
    """A tenant behind a gateway, and three services that listen to the log."""

    runtime: Runtime
    services: dict[str, Service]
    apps: dict[str, ASGIApp]
    keys: dict[str, str]
    tenant_id: UUID
    epoch: int = 0

    async def call(self, method: str, path: str, role: str = "admin", **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        transport = httpx.ASGITransport(self.apps["gateway"], raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
            return await client.request(method, path, params=query or None, headers=headers)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, status: int = 200, role: str = "admin") -> Any:
        answer = await self.call("POST", path, role)
        assert answer.status_code == status, answer.text
        return answer.json()

    def told(self, *events: Event, sequence: int = 0) -> list[Record]:
        metadata = Metadata(self.tenant_id, "/services/test", "system:test", "c", AT)
        return encode(events, metadata, after_sequence=sequence)

    async def publish(self, records: list[Record], *, number: int | None = None) -> None:
        """Append records to the log, as a relay would; `number` is a partition for all of them."""
        self.epoch += 1
        writer = await self.runtime.log.open_writer("/services/test", self.epoch)
        await writer.append(
            [
                Outgoing(
                    r.topic, partition_of(r.key, 12) if number is None else number, r.key, r.value
                )
                for r in records
            ]
        )
        await writer.close()

    @asynccontextmanager
    async def working(self, *names: str) -> AsyncIterator[None]:
        """Run what listens to the log in some services."""
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(background(stop))
            for name in names
            for background in self.services[name].background
        ]
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(30):
                await asyncio.gather(*tasks)

    async def letters(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(LETTERS, **query))["items"]
        return found

    async def segment(self, lead: UUID) -> str | None:
        query = "SELECT segment FROM lead_score WHERE id = $1"
        async with self.runtime.worker_database("scoring").driver() as connection:
            found: str | None = await connection.fetchval(query, lead)
            return found


@pytest.fixture
async def company(make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setattr(ownership, "RENEW_S", 0.0)
    monkeypatch.setattr(consumer, "FETCH_WAIT_S", 0.05)
    apps: dict[str, ASGIApp] = {}
    runtime = make_runtime(*PACKAGES, "gateway", apps=apps)
    services = {
        p.removesuffix("_service"): import_module(f"{p}.main").build(runtime) for p in PACKAGES
    }
    apps.update({name: service.app for name, service in services.items()})
    made = await provision_tenant(runtime, "main", settings=SETTINGS)
    apps["gateway"] = build_gateway(runtime).app
    return Company(runtime, services, apps, dict(made.keys), made.tenant_id)


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Make scoring choke on what comes from certain sources, as a bug of ours would."""
    bad: set[str] = set()
    real = SqlLeads.save

    async def choke(self: SqlLeads, lead: LeadScore, events: Sequence[Event]) -> UUID | None:
        if lead.source in bad:
            raise ZeroDivisionError("bug")
        return await real(self, lead, events)

    monkeypatch.setattr(SqlLeads, "save", choke)
    return bad


def captured(lead: LeadId, source: str) -> LeadCaptured:
    return LeadCaptured(lead_id=lead, captured_at=AT, source=source, segment="emea")


def updated(lead: LeadId, segment: str) -> LeadUpdated:
    return LeadUpdated(lead_id=lead, source="web", campaign_id=None, segment=segment)


async def test_a_dead_letter_of_scoring_is_redriven_as_if_it_had_never_failed(
    company: Company, bug: set[str]
) -> None:
    lead, other = LeadId(new_id()), LeadId(new_id())
    bug.add("fair")
    async with company.working("scoring"):
        await company.publish(company.told(captured(lead, "fair"), updated(lead, "apac")))
        await company.publish(company.told(captured(other, "web")))
        await until(lambda: company.segment(other))
        await until(company.letters)

    (letter,) = await company.letters(status="open")
    assert (letter["service"], letter["reason"]) == ("scoring", "ZeroDivisionError: bug")
    assert (letter["aggregate"], letter["aggregate_id"], letter["sequence"]) == (
        "lead",
        str(lead),
        1,
    )
    assert (letter["waiting"], letter["actor"], letter["settled_at"]) == (1, None, None)
    assert "record" not in letter
    one = f"{LETTERS}/scoring/{letter['id']}"
    assert await company.get(one) == letter
    detail = (await company.get("/v1/status"))["services"]["scoring"]["detail"]
    assert (detail["dead_letters"], detail["parked"]) == (1, 1)

    assert (await company.post(f"{one}/redrive"))["outcome"] == "still-dead"
    bug.clear()
    settled = await company.post(f"{one}/redrive")

    assert settled == {"service": "scoring", "id": letter["id"], "outcome": "redriven"}
    assert await company.segment(lead) == "apac"
    shown = await company.get(one)
    assert (shown["status"], shown["attempts"], shown["waiting"]) == ("redriven", 2, 0)
    assert shown["actor"].startswith("key:")
    assert shown["settled_at"] is not None
    for what in ("redrive", "discard"):
        assert (await company.post(f"{one}/{what}", 409))["type"].endswith("already-decided")
    assert await company.get(one) == shown


async def test_a_discarded_letter_lets_what_waited_go_on(company: Company, bug: set[str]) -> None:
    lead = LeadId(new_id())
    bug.add("fair")
    async with company.working("scoring"):
        await company.publish(company.told(captured(lead, "fair"), updated(lead, "apac")))
        await until(company.letters)
    (letter,) = await company.letters()

    await company.post(f"{LETTERS}/scoring/{letter['id']}/discard")

    assert await company.segment(lead) == "apac"
    (gone,) = await company.letters(service="scoring", status="discarded")
    assert (gone["id"], gone["waiting"]) == (letter["id"], 0)
    assert await company.letters(status="open") == []


async def test_dead_letters_of_all_services_come_in_pages(company: Company) -> None:
    """One event of scoring is wrong in its data: lead-service and metrics-service cannot read it."""
    records = [
        Record(r.event_id, r.topic, r.key, r.value.replace(b'"qualified_at"', b'"qualified_on"'))
        for _ in range(2)
        for r in company.told(LeadQualified(lead_id=LeadId(new_id()), definition_version=1, qualified_at=AT))
    ]  # fmt: skip

    async def all_dead() -> bool:
        return len(await company.letters()) == 4

    async with company.working("lead", "metrics"):
        await company.publish(records)
        await until(all_dead)

    seen, cursor = [], None
    for _ in range(4):
        page = await company.get(LETTERS, limit=1, **({"cursor": cursor} if cursor else {}))
        seen += [(one["service"], one["event_id"]) for one in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert [service for service, _ in seen] == ["lead", "lead", "metrics", "metrics"]
    assert len(set(seen)) == 4
    assert {one["service"] for one in await company.letters(service="metrics")} == {"metrics"}


async def test_letters_are_settled_by_whoever_may_and_seen_by_their_tenant(
    company: Company, bug: set[str]
) -> None:
    bug.add("fair")
    async with company.working("scoring"):
        await company.publish(company.told(captured(LeadId(new_id()), "fair")))
        await until(company.letters)
    (letter,) = await company.letters()
    one = f"{LETTERS}/scoring/{letter['id']}"
    topic = f"/v1/partitions/scoring/{LEAD}/0/resume"

    assert (await company.call("GET", one, "auditor")).status_code == 200
    assert (await company.call("GET", one, "rep")).status_code == 404
    assert (await company.call("GET", LETTERS, "manager")).status_code == 403
    for path in (f"{one}/redrive", f"{one}/discard", topic):
        assert (await company.call("POST", path, "auditor")).status_code == 403
        assert (await company.call("POST", path, "rep")).status_code == 404
    other = await provision_tenant(company.runtime, "other", settings=SETTINGS)
    company.keys["other"] = other.keys["admin"]
    assert (await company.call("GET", LETTERS, "other")).json()["items"] == []
    for method, path in (("GET", one), ("POST", f"{one}/redrive"), ("POST", f"{one}/discard")):
        assert (await company.call(method, path, "other")).status_code == 404
    assert await company.get(one) == letter


async def test_an_operator_sees_that_something_died_and_not_what_it_was_and_takes_it_up_again(
    company: Company, bug: set[str]
) -> None:
    bug.add("canary-source")
    async with company.working("scoring"):
        await company.publish(company.told(captured(LeadId(new_id()), "canary-source")))
        await until(company.letters)
        (letter,) = await company.letters()
        one = f"{LETTERS}/scoring/{letter['id']}"

        for path in (LETTERS, one):
            seen = await company.call("GET", path, "operator")
            assert seen.status_code == 200
            assert "canary-source" not in seen.text
            assert "ZeroDivisionError" in seen.text
        for path in (f"{one}/discard", f"/v1/partitions/scoring/{LEAD}/0/resume"):
            assert (await company.call("POST", path, "operator")).status_code == 403
        bug.clear()
        settled = await company.post(f"{one}/redrive", role="operator")

    assert settled["outcome"] == "redriven"
    for path in ("/v1/leads", "/v1/people", "/v1/audit", "/v1/compensation/ledger"):
        assert (await company.call("GET", path, "operator")).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["scoring/0", "scoring/99", "scoring/x", "content/1", "gateway/1", f"scoring/{2**63}", "1"],
)
async def test_what_is_not_there_is_not_found(company: Company, path: str) -> None:
    assert (await company.call("GET", f"{LETTERS}/{path}")).status_code == 404


async def test_a_halted_partition_is_listed_and_resumed(company: Company, bug: set[str]) -> None:
    bug.add("fair")
    records = [
        record
        for _ in range(turn.MAX_DEAD_IN_A_ROW + 2)
        for record in company.told(captured(LeadId(new_id()), "fair"))
    ]

    async def halted() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await company.get("/v1/status"))["halted"]
        return found

    async with company.working("scoring"):
        await company.publish(records, number=7)
        await until(halted)
        (stopped,) = await halted()
        assert stopped == {
            "service": "scoring",
            "topic": LEAD,
            "partition": 7,
            "position": turn.MAX_DEAD_IN_A_ROW,
            "reason": f"{turn.MAX_DEAD_IN_A_ROW} dead letters in a row",
        }
        assert len(await company.letters()) == turn.MAX_DEAD_IN_A_ROW
        bug.clear()

        assert await company.post(f"/v1/partitions/scoring/{LEAD}/7/resume") == stopped

        assert await halted() == []
        await until(lambda: company.segment(records[-1].key))
    again = await company.post(f"/v1/partitions/scoring/{LEAD}/7/resume", 409)
    assert again["detail"] == "The partition is not halted."
    for place in ("scoring/onefunnel.none.v1/0", f"content/{LEAD}/0", f"scoring/{LEAD}/x"):
        await company.post(f"/v1/partitions/{place}/resume", 404)


async def test_a_halted_partition_of_the_fold_is_resumed(company: Company) -> None:
    async with company.working("metrics"):
        await until(lambda: partitions_of_the_fold(company))
    async with company.runtime.worker_database("metrics").driver() as connection:
        await connection.execute(
            "UPDATE stream_partition SET status = 'halted', halt_reason = 'a test', epoch = epoch + 1"
            " WHERE topic = $1 AND partition = 3",
            SCORING,
        )
    (stopped,) = (await company.get("/v1/status"))["halted"]
    assert (stopped["service"], stopped["topic"], stopped["partition"]) == ("metrics", SCORING, 3)

    assert await company.post(f"/v1/partitions/metrics/{SCORING}/3/resume") == stopped

    assert (await company.get("/v1/status"))["halted"] == []


async def partitions_of_the_fold(company: Company) -> int:
    async with company.runtime.worker_database("metrics").driver() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM stream_partition")
        return found


async def test_a_service_that_is_away_hides_none_of_its_letters_silently(
    company: Company, bug: set[str]
) -> None:
    bug.add("fair")
    async with company.working("scoring"):
        await company.publish(company.told(captured(LeadId(new_id()), "fair")))
        await until(company.letters)
    del company.apps["lead"]

    answer = await company.call("GET", LETTERS)

    assert answer.status_code == 503
    assert "?service=" in answer.json()["detail"]
    assert len(await company.letters(service="scoring")) == 1
