"""What needs no key: probes, documents, problem types; and what is asked about the whole."""

import pytest

from gateway.main import checked_in_document
from onefunnel.http.problems import PROBLEMS


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_need_no_key(gateway, path):
    client = await gateway.client()
    assert (await client.get(path)).status_code == 204


async def test_metrics_are_scraped_without_a_key(gateway):
    client = await gateway.client()
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_gateway_without_its_database_is_not_ready(gateway, monkeypatch):
    client = await gateway.client()

    def gone():
        raise ConnectionRefusedError

    monkeypatch.setattr(gateway.runtime.database("gateway"), "transaction", gone)
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert (await client.get("/livez")).status_code == 204


async def test_every_problem_type_is_described_at_its_own_address(gateway):
    client = await gateway.client()
    for code, known in PROBLEMS.items():
        answer = await client.get(f"/problems/{code}")
        assert answer.status_code == 200
        assert answer.json()["status"] == known.status
        assert answer.json()["remedy"]
    assert (await client.get("/problems/never-published")).status_code == 404


async def test_the_documents_are_there_for_people_and_for_machines(gateway):
    client = await gateway.client()
    document = await client.get("/openapi.json")
    assert document.json()["openapi"].startswith("3.1")
    again = await client.get("/openapi.json", headers={"If-None-Match": document.headers["etag"]})
    assert again.status_code == 304
    page = await client.get("/docs", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for operation in ("create_lead", "createLead"):
        if operation in page.text:
            break
    else:
        pytest.fail("the page does not list the operations")
    home = await client.get("/", headers={"Accept": "text/html"})
    assert home.headers["location"] == "/docs"


async def test_status_says_which_service_is_down_and_is_no_error_itself(gateway):
    gateway.services.standing = {"lag_events": 3}
    client = await gateway.client("rep")
    whole = (await client.get("/v1/status")).json()
    assert whole["ready"] is True
    assert whole["services"]["metrics"] == {"ready": True, "detail": {"lag_events": 3}}
    own = whole["services"]["gateway"]
    assert own["ready"] is True
    nothing = {"depth": 0, "oldest_age_s": 0.0}
    assert own["detail"] == {"outbox": nothing, "unread": nothing, "halted": []}

    gateway.services.down.add("scoring")
    part = await client.get("/v1/status")
    assert part.status_code == 200
    assert part.json()["ready"] is False
    assert part.json()["services"]["scoring"] == {"ready": False, "detail": None}


def test_the_checked_in_document_can_be_served():
    assert checked_in_document()["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/v1/me", "/v1/leads/nothing", "/v1/nothing", "/livez", "/docs"])
async def test_every_answer_is_marked_once(gateway, path):
    client = await gateway.client("rep")
    answer = await client.get(path)
    for header in ("x-request-id", "x-content-type-options", "cache-control"):
        assert len(answer.headers.get_list(header)) == 1, header
