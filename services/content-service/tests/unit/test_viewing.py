"""Views: reports come again and in any order, and machines are told from people."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_service.domain.viewing import Viewing, is_machine
from onefunnel.errors import DomainError

AT = datetime(2026, 3, 1, tzinfo=UTC)
PAGES = 5


def report(pages: dict[int, int] | None = None, **changes) -> Viewing:
    fields = {
        "id": UUID(int=1),
        "asset_id": UUID(int=2),
        "version": 1,
        "viewer_id": UUID(int=3),
        "viewed_at": AT,
        "pages": pages or {},
    }
    return Viewing(**(fields | changes))


def heard(reports):
    viewing, event = reports[0].begin(PAGES)
    events = [event]
    for later in reports[1:]:
        viewing, event = viewing.hear(later, PAGES)
        events += [event] if event else []
    return viewing, events


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (X11) HeadlessChrome/120.0",
        "python-requests/2.32",
        "curl/8.5.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Barracuda Sentinel (EE)",
    ],
)
def test_a_known_machine_is_no_person(agent):
    assert is_machine(agent)
    assert report({1: 60_000}, machine=is_machine(agent)).bot


@pytest.mark.parametrize(
    "agent",
    [
        None,
        "",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) Chrome/120.0 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    ],
)
def test_a_persons_browser_is_no_machine(agent):
    assert not is_machine(agent)


@pytest.mark.parametrize(("ms", "bot"), [(0, True), (1_999, True), (2_000, False)])
def test_a_look_below_two_seconds_is_none(ms, bot):
    assert report({1: ms}).bot is bot


def test_two_short_pages_make_one_look():
    assert not report({1: 1_200, 2: 900}).bot


def test_a_view_is_published_at_first_and_again_only_when_it_proves_to_be_a_persons():
    _, events = heard([report(), report({1: 500}), report({1: 3_000}), report({1: 9_000, 2: 1})])
    assert [e.bot for e in events] == [True, False]
    assert [sum(p.duration_ms for p in e.pages) for e in events] == [0, 3_000]


def test_a_view_that_is_a_persons_at_once_is_published_once():
    _, events = heard([report({1: 5_000}), report({1: 5_000}), report({1: 8_000})])
    assert [e.bot for e in events] == [False]


def test_a_machine_stays_one():
    viewing, events = heard([report(machine=True), report({1: 90_000})])
    assert viewing.bot
    assert [e.bot for e in events] == [True]


@given(
    st.lists(st.dictionaries(st.integers(1, PAGES), st.integers(0, 10_000)), min_size=1),
    st.randoms(),
)
def test_reports_in_any_order_repeated_or_not_say_the_same(reports, random):
    again = [*reports, *random.choices(reports, k=3)]
    random.shuffle(again)
    one, _ = heard([report(pages) for pages in reports])
    other, _ = heard([report(pages) for pages in again])
    assert one.pages == other.pages
    assert one.duration_ms == sum(
        max(pages.get(page, 0) for pages in reports) for page in range(1, PAGES + 1)
    )


def test_a_page_that_the_version_does_not_have_is_refused():
    with pytest.raises(DomainError, match="has 5 pages"):
        report({6: 10}).begin(PAGES)
    with pytest.raises(DomainError, match="has 5 pages"):
        report({1: 10}).begin(PAGES)[0].hear(report({6: 10}), PAGES)


def test_a_view_id_belongs_to_one_view():
    first, _ = report().begin(PAGES)
    with pytest.raises(DomainError, match="another view"):
        first.hear(report(asset_id=UUID(int=9)), PAGES)
