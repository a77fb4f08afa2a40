"""`onefunnel dead-letters` and `onefunnel resume` against a gateway that answers as ours does."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from .conftest import free_port

LETTER: Final = {
    "service": "scoring", "id": 3, "status": "open", "reason": "ValueError: bug", "detail": None,
    "type": "onefunnel.lead.captured.v1", "event_id": "e", "aggregate": "lead", "aggregate_id": "a",
    "sequence": 1, "topic": "onefunnel.lead.v1", "partition": 7, "position": 9, "attempts": 1,
    "died_at": "2026-05-01T12:00:00Z", "settled_at": None, "actor": None, "waiting": 2,
}  # fmt: skip
HALTED: Final = {
    "service": "scoring",
    "topic": "onefunnel.lead.v1",
    "partition": 7,
    "position": 20,
    "reason": "20 dead letters in a row",
}
SETTLED: Final = {"service": "scoring", "id": 3, "outcome": "redriven"}
ANSWERS: Final[dict[str, tuple[int, Any]]] = {
    "GET /v1/dead-letters?service=scoring&status=open&limit=200": (
        200,
        {"items": [LETTER], "next_cursor": None},
    ),
    "GET /v1/dead-letters/scoring/3": (
        200,
        {**LETTER, "status": "redriven", "actor": "key:1", "settled_at": "2026-05-02T00:00:00Z"},
    ),
    "POST /v1/dead-letters/scoring/3/redrive": (200, SETTLED),
    "POST /v1/dead-letters/scoring/3/discard": (200, {**SETTLED, "outcome": "discarded"}),
    "POST /v1/partitions/scoring/onefunnel.lead.v1/7/resume": (200, HALTED),
    "POST /v1/partitions/metrics/onefunnel.lead.v1/7/resume": (
        409,
        {
            "type": "/problems/conflict",
            "status": 409,
            "title": "Conflict",
            "detail": "The partition is not halted.",
        },
    ),
    "GET /v1/status": (
        200,
        {
            "ready": True,
            "halted": [HALTED],
            "services": {"scoring": {"ready": True, "detail": {"dead_letters": 20}}},
        },
    ),
}


class Answering(BaseHTTPRequestHandler):
    """Answers what is known, and nothing else."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        unknown = (
            404,
            {"type": "/problems/not-found", "status": 404, "title": "?", "detail": self.path},
        )
        status, content = ANSWERS.get(f"{self.command} {self.path}", unknown)
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - the names that the base class asks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


Said = subprocess.CompletedProcess[str]


@pytest.fixture
def said(run_tool: Callable[..., Said]) -> Iterator[Callable[..., Said]]:
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield lambda *arguments: run_tool(*arguments, "--url", url, "--key", "k")
    server.shutdown()
    thread.join()
    server.server_close()


def test_letters_are_listed_with_their_service_and_the_next_step(said: Callable[..., Said]) -> None:
    done = said("dead-letters", "list", "--service", "scoring")
    assert done.stdout.splitlines()[2].split()[:3] == ["scoring", "3", "open"]
    assert done.stderr.strip() == "Next   onefunnel dead-letters redrive scoring 3"
    listed = json.loads(said("dead-letters", "list", "--service", "scoring", "--json").stdout)
    assert listed["items"] == [LETTER]


def test_a_letter_is_shown_with_who_settled_it_when(said: Callable[..., Said]) -> None:
    shown = said("dead-letters", "show", "scoring", "3").stdout
    assert "actor" in shown
    assert "key:1" in shown
    assert "2026-05-02" in shown


def test_a_letter_is_settled_and_discarding_asks_first(said: Callable[..., Said]) -> None:
    assert said("dead-letters", "redrive", "scoring", "3").stdout == "scoring 3 redriven\n"
    asked = said("dead-letters", "discard", "scoring", "3")
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    done = said("dead-letters", "discard", "scoring", "3", "--yes", "--json")
    assert json.loads(done.stdout)["outcome"] == "discarded"


def test_a_halted_partition_is_told_and_resumed(said: Callable[..., Said]) -> None:
    told = said("status")
    assert "halted   scoring onefunnel.lead.v1 7   20 dead letters in a row" in told.stderr
    command = told.stderr.strip().splitlines()[-1].removeprefix("Next   onefunnel ").split()
    done = said(*command)
    assert done.stdout == "scoring onefunnel.lead.v1 7 goes on at 20\n"
    assert done.stderr == "it was halted: 20 dead letters in a row\n"


def test_what_is_not_halted_or_no_service_is_an_error(said: Callable[..., Said]) -> None:
    refused = said("resume", "metrics", "onefunnel.lead.v1", "7")
    assert (refused.returncode, "not halted" in refused.stderr) == (4, True)
    assert said("resume", "nobody", "onefunnel.lead.v1", "7").returncode == 2
