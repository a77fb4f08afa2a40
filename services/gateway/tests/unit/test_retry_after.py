"""A receiver that asks to be left alone is left alone, for an hour at most and never beyond the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.retry_after import retry_after_s
from gateway.domain.subscription import GIVE_UP_AFTER, Attempt, OutgoingDelivery
from gateway.entrypoints.sender import poster
from onefunnel.http.outgoing import OutgoingAnswer
from onefunnel.ids import new_id

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Still:
    def now(self) -> datetime:
        return NOW


@pytest.mark.parametrize(("text", "seconds"), [
    ("120", 120), (" 120 ", 120), ("0", 0), ("999999", 3_600), ("1" * 400, 3_600),
    ("Sun, 22 Nov 2026 09:02:00 GMT", 120), ("Sun, 22 Nov 2026 08:00:00 GMT", 0),
    ("Sun, 22 Nov 2099 09:02:00 GMT", 3_600), ("", 0), ("soon", 0), ("-5", 0), ("1.5", 0),
    ("１２", 0), ("Sun, 22 Nov 2026 09:02:00", 0),
])  # fmt: skip
def test_it_is_seconds_or_a_date_in_bounds(text, seconds):
    assert retry_after_s(text, NOW) == seconds


def waiting(due_since: datetime = NOW) -> OutgoingDelivery:
    return OutgoingDelivery(new_id(), new_id(), new_id(), "deal.won", b"{}", NOW, due_since, NOW)


@pytest.mark.parametrize("draw", [0.0, 1.0])
def test_the_next_attempt_comes_behind_it(draw):
    found = waiting().after(Attempt(429, wait_s=120), NOW, draw)
    assert found.next_at == NOW + timedelta(seconds=120) + timedelta(seconds=5) * draw


def test_it_does_not_prolong_the_three_days():
    begun = NOW - GIVE_UP_AFTER + timedelta(minutes=1)
    found = waiting(begun).after(Attempt(503, wait_s=3_600), NOW, 1.0)
    assert found.next_at == NOW + timedelta(minutes=1)


async def test_what_a_receiver_answers_is_what_is_waited_for():
    class Outgoing:
        async def request(self, *_: Any, **__: Any) -> OutgoingAnswer:
            return OutgoingAnswer(503, {"retry-after": "77"}, b"", cut=False)

    attempt = await poster(Outgoing(), Still())("https://hooks.example", {}, b"{}")
    assert attempt == Attempt(503, wait_s=77)
