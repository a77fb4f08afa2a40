"""The forms in which vendors write an instant."""

from datetime import UTC, datetime

import pytest

from gateway.domain.webhooks.reading import instant

AT = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
IN_MS = AT.replace(microsecond=395_000)


@pytest.mark.parametrize(("written", "at"), [
    (1794907800, AT), ("1794907800", AT), (1794907800000, AT), (1794907800395, IN_MS),
    (1794907800395000, IN_MS), ("1794907800.395", IN_MS), ("1794907800395.0", IN_MS),
    ("2026-11-17T09:30:00Z", AT), ("2026-11-17t09:30:00z", AT), ("2026-11-17 09:30:00", AT),
    ("2026-11-17T11:30:00+02:00", AT), ("2026-11-17T11:30:00+0200", AT),
    ("2026-11-17T04:00:00-05:30", AT), ("2026-11-17 11:30:00+02", AT),
    ("2026-11-17T09:30:00.395", IN_MS), ("2026-11-17T09:30:00.395000+00:00", IN_MS),
    ("2026-11-17T09:30:00.395000000Z", IN_MS),
    ("/Date(1794907800000)/", AT), ("/Date(1794907800000+0200)/", AT),
])  # fmt: skip
def test_an_instant_is_read_in_every_form(written, at):
    assert instant(written) == at


@pytest.mark.parametrize("written", [
    None, "", True, 0, 17, "soon", "2026-11-17", "2026-02-30T00:00:00Z", "9" * 17, "9" * 400,
    "2026-11-17T25:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00Z",
    "/Date(-62135596800000)/", "/Date(999999999999999)/", "\u0661\u0667\u0669\u0664907800", [], {},
])  # fmt: skip
def test_what_is_none_is_no_time_and_no_error(written):
    assert instant(written) is None
