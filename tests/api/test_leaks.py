"""What else could tell somebody of what they may not see: cursors, ETags, files, streams, repeated requests."""

import asyncio
import csv
import io
import json
from contextlib import suppress
from typing import Any, Final

import pytest

from gateway.main import create_tenant

from .stage import CALENDAR, Stage
from .worlds.world import fold, made_world, settled

CANARY: Final = "CANARY"
LEAD: Final = {
    "source": "web",
    "name": f"{CANARY}-name",
    "email": "canary@example.com",
    "phone": "+4912345",
    "company": "Example",
}
HINT: Final = {"projection", "as_of", "lag_events", "stale"}
ANSWERED_S: Final = 20


class Desk:
    """A tenant with two people who see nothing of each other, and the means to ask as anybody."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.tenant_id, self.owner = stage.run(
            create_tenant(stage.runtime, name, settings=CALENDAR)
        )
        self.people = [self._made("/v1/people", {"name": n, "kind": "rep"})["id"] for n in "ab"]
        self.one, self.other = (self.key("rep", person) for person in self.people)

    def key(self, role: str, person: str | None = None) -> str:
        body = {"role": role, "name": role, **({"person_id": person} if person else {})}
        return str(self._made("/v1/keys", body)["key"])

    def lead(self, owner: int = 0, **more: object) -> str:
        return str(self._made("/v1/leads", {**LEAD, "owner": self.people[owner], **more})["id"])

    def ask(self, key: str, method: str, target: str, body: object = None, **headers: str) -> Any:
        sent = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = b"" if body is None else json.dumps(body).encode()
        return self.stage.ask(method, target, role=None, headers=sent, body=content)

    def _made(self, target: str, body: object) -> Any:
        answer = self.ask(self.owner, "POST", target, body)
        assert answer.status in {200, 201}, answer.body
        return json.loads(answer.body)


@pytest.fixture(scope="module")
def desk(stage: Stage) -> Desk:
    return Desk(stage, "leaks")


def etag(answer: Any) -> str:
    return str(dict(answer.headers)[b"etag"].decode())


def test_a_cursor_is_of_use_to_nobody_but_whom_it_was_given_to(desk: Desk) -> None:
    for _ in range(3):
        desk.lead()
    page = json.loads(desk.ask(desk.owner, "GET", "/v1/leads?limit=1").body)
    path = f"/v1/leads?limit=1&cursor={page['next_cursor']}"
    assert desk.ask(desk.owner, "GET", path).status == 200

    for key in (desk.one, desk.other, desk.key("admin"), desk.key("marketer")):
        refused = desk.ask(key, "GET", path)
        assert (refused.status, json.loads(refused.body)["errors"][0]["pointer"]) == (
            422,
            "/cursor",
        )
    assert desk.ask(desk.owner, "GET", f"{path}&source=web").status == 422


def test_what_is_not_there_for_a_caller_is_not_unmodified_either(desk: Desk) -> None:
    lead = desk.lead()
    tag = etag(desk.ask(desk.one, "GET", f"/v1/leads/{lead}"))

    assert desk.ask(desk.one, "GET", f"/v1/leads/{lead}", if_none_match=tag).status == 304
    unseen = desk.ask(desk.other, "GET", f"/v1/leads/{lead}", if_none_match=tag)
    assert unseen.status == 404
    assert b"etag" not in dict(unseen.headers)


def test_what_is_shown_without_names_has_another_etag_that_can_be_written_on(desk: Desk) -> None:
    path, marketer = f"/v1/leads/{desk.lead()}", desk.key("marketer")
    whole, masked = desk.ask(desk.owner, "GET", path), desk.ask(marketer, "GET", path)
    assert CANARY in whole.body.decode()
    assert CANARY not in masked.body.decode()
    assert etag(whole) != etag(masked)

    assert desk.ask(marketer, "GET", path, if_none_match=etag(whole)).status == 200
    assert desk.ask(marketer, "GET", path, if_none_match=etag(masked)).status == 304
    corrected = desk.ask(marketer, "PATCH", path, {"segment": "smb"}, if_match=etag(masked))
    assert corrected.status == 200
    assert CANARY not in corrected.body.decode()
    assert etag(corrected) == etag(desk.ask(marketer, "GET", path))
    assert desk.ask(marketer, "PATCH", path, {"segment": "x"}, if_match=etag(masked)).status == 412


def test_a_file_is_masked_as_the_list_is(desk: Desk) -> None:
    lead = desk.lead()
    body = desk.ask(desk.key("auditor"), "GET", "/v1/leads", accept="text/csv").body.decode()
    (row,) = (r for r in csv.DictReader(io.StringIO(body, newline="")) if r["id"] == lead)
    assert {row[name] for name in ("name", "email", "phone", "company")} == {""}


FILES: Final = {
    "lead": "/v1/leads",
    "deal": "/v1/deals",
    "ledger": "/v1/compensation/ledger",
    "statement": "/v1/compensation/statements?period=2026-10",
    "metrics": "/v1/funnel",
}


@pytest.mark.parametrize(
    ("role", "taken"),
    [
        ("marketer", {"metrics"}),
        ("executive", {"metrics"}),
        ("rep", set(FILES)),
        ("comp_admin", {"ledger", "statement", "metrics"}),
    ],
)
def test_not_everything_that_is_read_may_be_taken_along(
    desk: Desk, role: str, taken: set[str]
) -> None:
    key = desk.key(role, desk.people[0])
    with desk.stage.working():
        settled(desk.stage, [desk.owner])
    for resource, path in FILES.items():
        status = desk.ask(key, "GET", path, accept="text/csv").status
        # A statement of nobody is no statement; the right was looked at before.
        may = {200, 422} if resource in taken else {403}
        assert status in may, (resource, status)


def test_a_request_that_somebody_else_made_is_not_answered_to_another(desk: Desk) -> None:
    body = {**LEAD, "owner": desk.people[0]}
    made = desk.ask(desk.one, "POST", "/v1/leads", body, idempotency_key="same")
    assert made.status == 201

    again = desk.ask(desk.other, "POST", "/v1/leads", body, idempotency_key="same")

    assert again.status == 403
    assert CANARY not in again.body.decode()


def test_a_name_from_outside_that_is_taken_shows_nothing_of_who_has_it(desk: Desk) -> None:
    mine = {**LEAD, "owner": desk.people[1], "external": {"source": "crm", "id": "1"}}
    lead = json.loads(desk.ask(desk.other, "POST", "/v1/leads", mine).body)["id"]
    desk.ask(desk.owner, "POST", f"/v1/leads/{lead}/assign", {"owner": desk.people[0]})

    taken = desk.ask(desk.other, "POST", "/v1/leads", mine)

    assert taken.status == 409
    assert not any(word in taken.body.decode() for word in (CANARY, lead, desk.people[0]))


@pytest.mark.parametrize("role", ["integration", "operator"])
def test_a_stream_is_not_for_everybody(desk: Desk, role: str) -> None:
    assert desk.ask(desk.key(role), "GET", "/v1/events").status == 403


def test_a_stream_says_that_something_moved_and_never_what(stage: Stage) -> None:
    """What moves is of people whom the listener does not see, in this tenant and in another."""
    world = made_world(stage, 77)
    listener = world.key_of("rep", world.people[0])
    fold(stage, [world])
    with stage.working():
        heard = stage.run(_heard(stage, listener, world.key_of("admin", None)))

    hints = [json.loads(line.removeprefix("data: ")) for line in heard if line.startswith("data: ")]
    assert hints
    assert all(set(hint) <= HINT for hint in hints)
    assert CANARY not in "".join(heard)


async def _heard(stage: Stage, listener: str, teller: str) -> list[str]:
    """Listen; when the stream is open, log a lead that is nobody's; return all until a hint of it comes."""
    opened, moved = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def receive() -> dict[str, Any]:
        await moved.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        text = message.get("body", b"").decode()
        heard.extend(text.splitlines())
        if "retry:" in text:
            opened.set()
        if "event: projection" in text:
            moved.set()

    listening = asyncio.create_task(
        stage.apps["gateway"](_scope(listener, "GET", "/v1/events"), receive, send)
    )
    async with asyncio.timeout(ANSWERED_S):
        await opened.wait()
        while not moved.is_set():  # the first look of the gateway tells nobody anything new
            await _logged(stage, teller)
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), 0.5)
        await listening
    return heard


async def _logged(stage: Stage, key: str) -> None:
    body = json.dumps(LEAD).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 201) == 201, message

    await stage.apps["gateway"](_scope(key, "POST", "/v1/leads"), receive, send)


def _scope(key: str, method: str, path: str) -> dict[str, Any]:
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "client": None,
        "headers": [(b"host", b"x"), (b"authorization", f"Bearer {key}".encode()),
                    (b"content-type", b"application/json")],
    }  # fmt: skip
