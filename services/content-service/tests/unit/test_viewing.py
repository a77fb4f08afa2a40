"""Views: reports come again and in any order, and machines are told from people."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content_service.domain.viewing import (
    MAX_BEAT_MS,
    SLACK_MS,
    Beat,
    Viewing,
    is_machine,
)
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


def test_what_own_people_look_at_is_published_to_nobody_and_counts_for_nothing():
    viewing, events = heard([report({1: 9_000}, internal=True), report({1: 12_000})])
    assert events == [None]
    assert (viewing.counted, viewing.bot) == (False, False)


def test_of_an_anonymous_view_neither_link_nor_lead_is_told():
    _, event = report({1: 9_000}, anonymous=True, share_id=UUID(int=7)).begin(PAGES)
    assert (event.share_id, event.lead_id) == (None, None)


def beaten(beats, *, spent_s=3_600, view=None):
    """Return a view after beats that all arrive when it has been open for so long, and what was published."""
    viewing, events = view or report(), []
    for beat in beats:
        at = AT + timedelta(seconds=spent_s)
        viewing, event = viewing.beat(beat, PAGES, machine=False, at=at)
        events += [event] if event else []
    return viewing, events


def test_beats_are_added_up_page_by_page():
    viewing, events = beaten([Beat(1, 1, 1_500), Beat(2, 2, 4_000), Beat(3, 1, 2_500)])
    assert dict(viewing.pages) == {1: 4_000, 2: 4_000}
    assert [event.bot for event in events] == [False]


@given(
    st.lists(st.tuples(st.integers(1, PAGES), st.integers(0, MAX_BEAT_MS)), max_size=20),
    st.randoms(),
)
def test_beats_add_up_to_the_same_in_any_order(told, random):
    beats = [Beat(n, page, ms) for n, (page, ms) in enumerate(told, start=1)]
    lasted_s = sum(beat.active_ms for beat in beats) // 1_000
    other = random.sample(beats, len(beats))
    one, _ = beaten(beats, spent_s=lasted_s)
    assert one.pages == beaten(other, spent_s=lasted_s)[0].pages
    assert one.duration_ms == sum(beat.active_ms for beat in beats)


def test_a_beat_is_at_most_half_an_hour():
    viewing, _ = beaten([Beat(1, 1, 7_200_000)], spent_s=86_400)
    assert viewing.duration_ms == MAX_BEAT_MS


@given(st.lists(st.integers(0, 10_000_000), max_size=20), st.integers(0, 600))
def test_beats_never_last_longer_than_the_view_was_open(told, spent_s):
    beats = [Beat(n, 1, ms) for n, ms in enumerate(told, start=1)]
    viewing, _ = beaten(beats, spent_s=spent_s)
    assert viewing.duration_ms <= spent_s * 1_000 + SLACK_MS * len(beats)


def test_no_page_is_looked_at_for_more_than_a_day():
    days = AT + timedelta(days=9)
    view = report({1: 86_399_000}, viewed_at=AT)
    viewing, _ = view.beat(Beat(1, 1, 5_000), PAGES, machine=False, at=days)
    assert viewing.pages[1] == 86_400_000


def test_a_beat_of_a_machine_makes_the_view_one():
    viewing, event = report({1: 5_000}).beat(Beat(1, 1, 5_000), PAGES, machine=True, at=AT)
    assert (viewing.bot, event) == (True, None)


def test_a_beat_of_a_page_that_is_not_there_is_refused():
    with pytest.raises(DomainError, match="has 5 pages"):
        beaten([Beat(1, 6, 10)])
