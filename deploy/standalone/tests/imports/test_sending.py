"""Rows travel in batches, and a batch whose answer was lost is sent again."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from standalone import patience
from standalone.console.failure import NOT_READY, Failure
from standalone.gateway_client import Response, Unreachable
from standalone.imports.commands import Item
from standalone.imports.sending import Outcome, Sender, batches

Answer = Response | Unreachable


def items(count: int, size: int = 10) -> list[tuple[int, Item]]:
    return [(n + 2, Item(f"deals:{n}", ({"do": "x", "text": "t" * size},))) for n in range(count)]


def answer(status: int, body: object = None, **headers: str) -> Response:
    return Response(status, headers, json.dumps(body).encode())


def created(*keys: str) -> Response:
    return answer(200, {"items": [{"key": key, "status": "created"} for key in keys]})


class Door:
    """A gateway that gives prepared answers."""

    def __init__(self, *answers: Answer | Callable[[], Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[bytes, Mapping[str, str]]] = []

    def send(
        self, _method: str, _path: str, *, body: bytes, headers: Mapping[str, str]
    ) -> Response:
        self.requests.append((body, headers))
        found = self.answers.pop(0)
        if isinstance(found, Unreachable):
            raise found
        assert isinstance(found, Response)
        return found


def sender(door: Any) -> tuple[Sender, list[float], list[str]]:
    pauses: list[float] = []
    said: list[str] = []
    return Sender(door, "run-1", said.append, pauses.append), pauses, said


def test_a_batch_is_over_the_limits_or_out_of_order() -> None:
    cut = list(batches(items(1_201), "crm"))
    assert [len(batch.keys) for batch in cut] == [500, 500, 201]
    body = json.loads(cut[2].body)
    assert body["source"] == "crm"
    assert body["items"][0]["key"] == "deals:1000"
    assert cut[2].lines[0] == 1_002


def test_bytes_do_not_count() -> None:
    cut = list(batches(items(10, size=1_000_000), "crm"))
    assert [len(batch.keys) for batch in cut] == [4, 4, 2]
    assert all(len(batch.body) < 5 * 1024**2 for batch in cut)


def test_a_lost_answer_loses_rows_or_the_run_forgets_its_id() -> None:
    door = Door(Unreachable("reset"), answer(503, {}), created("deals:0"))
    send, pauses, said = sender(door)
    (batch,) = batches(items(1), "crm")
    assert send.send(batch) == [Outcome(2, "deals:0", "created", None)]
    assert len({body for body, _ in door.requests}) == 1
    assert {headers["X-Correlation-Id"] for _, headers in door.requests} == {"run-1"}
    assert len(pauses) == len(said) == 2
    assert pauses[0] < pauses[1]


def test_the_gateways_wish_to_wait_is_ignored() -> None:
    door = Door(answer(429, {}, **{"retry-after": "3"}), created("deals:0"))
    send, pauses, _ = sender(door)
    send.send(next(batches(items(1), "crm")))
    assert pauses == [3.0]


def test_a_dead_gateway_is_waited_for_without_end() -> None:
    door = Door(*[Unreachable("refused")] * 1_000)
    send, pauses, _ = sender(door)
    with pytest.raises(Failure, match="does not take the rows") as caught:
        send.send(next(batches(items(1), "crm")))
    assert caught.value.exit_code == NOT_READY
    assert patience.GIVE_UP_AFTER_S <= sum(pauses) <= patience.GIVE_UP_AFTER_S + 10


def test_a_refusal_is_tried_again() -> None:
    problem = {"type": "https://x/problems/forbidden", "detail": "The role may not import."}
    door = Door(answer(403, problem))
    send, pauses, _ = sender(door)
    with pytest.raises(Failure, match="refused the batch") as caught:
        send.send(next(batches(items(1), "crm")))
    assert caught.value.code == "forbidden"
    assert pauses == []
