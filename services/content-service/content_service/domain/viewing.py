"""A view of an asset: what is told of it comes again and again, in any order, and says the same in the end.

Servers report a page's duration as a running total, so the longest report counts. Browsers send beats,
each how much longer a page was looked at: they are added up, each number of a view once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from onefunnel.errors import conflict, invalid
from onefunnel.events.content import ContentViewed, PageView
from onefunnel.events.values import AssetId, LeadId

# Mail scanners and link previews open a page and leave; people need longer to see anything.
SHORTEST_LOOK_MS: Final = 2_000
MAX_PAGES: Final = 500
MAX_BEAT_MS: Final = 1_800_000  # of one page in one beat: half an hour
MAX_PAGE_MS: Final = 86_400_000  # of one page in one view: a day
# A beat is on its way for a while, and clocks of pages are coarse.
SLACK_MS: Final = 2_000
# Mail scanners open every link of a mail at once.
BURST: Final = timedelta(seconds=2)
BURST_LINKS: Final = 3

_MACHINES: Final = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|scanner|monitor|fetch|headless|phantom|curl/|wget|python"
    r"|java/|go-http|okhttp|libwww|facebookexternalhit|whatsapp/|proofpoint|mimecast|barracuda"
    r"|safelinks|imageproxy|ahrefs|semrush|pingdom|lighthouse",
    re.IGNORECASE,
)


def is_machine(user_agent: str | None) -> bool:
    """Say whether a user agent is known not to be a person's."""
    return user_agent is not None and _MACHINES.search(user_agent) is not None


@dataclass(frozen=True, slots=True)
class Beat:
    """How much longer one page was looked at; its number tells it from itself sent twice."""

    seq: int
    page: int
    active_ms: int


@dataclass(frozen=True, slots=True)
class Viewing:
    """What is known of one view so far. An `internal` one is by the tenant's own people.

    Of an `anonymous` one nobody learns whose it is: the viewer did not want to be followed.
    """

    id: UUID
    asset_id: AssetId
    version: int
    viewer_id: UUID
    viewed_at: datetime
    share_id: UUID | None = None
    lead_id: LeadId | None = None
    machine: bool = False
    internal: bool = False
    anonymous: bool = False
    beats: int = 0
    pages: Mapping[int, int] = field(default_factory=dict)  # page -> milliseconds

    @property
    def duration_ms(self) -> int:
        """How long all pages were looked at."""
        return sum(self.pages.values())

    @property
    def bot(self) -> bool:
        """Say whether this view does not count: a machine's, or too short for a person."""
        return self.machine or self.duration_ms < SHORTEST_LOOK_MS

    @property
    def counted(self) -> bool:
        """Say whether this view is one by a buyer."""
        return not (self.bot or self.internal)

    def begin(self, pages_of_version: int) -> tuple["Viewing", ContentViewed | None]:
        """Take the first report; what the tenant's own people look at is published to nobody."""
        self.check_pages(pages_of_version)
        return self, None if self.internal else self.viewed()

    def hear(
        self, report: "Viewing", pages_of_version: int
    ) -> tuple["Viewing", ContentViewed | None]:
        """Take a later report of running totals."""
        if (report.asset_id, report.share_id) != (self.asset_id, self.share_id):
            raise conflict("This view_id belongs to another view.")
        report.check_pages(pages_of_version)
        pages = dict(self.pages)
        for page, duration_ms in report.pages.items():
            pages[page] = max(duration_ms, pages.get(page, 0))
        machine, internal = self.machine or report.machine, self.internal or report.internal
        return self._became(replace(self, pages=pages, machine=machine, internal=internal))

    def beat(
        self, beat: Beat, pages_of_version: int, *, machine: bool, at: datetime
    ) -> tuple["Viewing", ContentViewed | None]:
        """Add a beat that was not heard before. All beats last no longer than the view has been open.

        That is so in whatever order they arrive, because each was sent after its time had passed.
        """
        before = self.pages.get(beat.page, 0)
        open_ms = max(0, (at - self.viewed_at) // timedelta(milliseconds=1))
        room_ms = open_ms + SLACK_MS * (self.beats + 1) - self.duration_ms
        granted_ms = max(0, min(beat.active_ms, MAX_BEAT_MS, MAX_PAGE_MS - before, room_ms))
        heard = replace(
            self,
            pages={**self.pages, beat.page: before + granted_ms},
            beats=self.beats + 1,
            machine=self.machine or machine,
        )
        heard.check_pages(pages_of_version, pointer="/page")
        return self._became(heard)

    def _became(self, heard: "Viewing") -> tuple["Viewing", ContentViewed | None]:
        """Publish again only what was taken for a machine and proves to be a person."""
        return heard, heard.viewed() if heard.counted and not self.counted else None

    def viewed(self) -> ContentViewed:
        """Say that somebody looked, as far as it is known now."""
        return ContentViewed(
            viewer_id=self.viewer_id,
            view_id=self.id,
            asset_id=self.asset_id,
            version=self.version,
            share_id=None if self.anonymous else self.share_id,
            lead_id=self.lead_id,
            viewed_at=self.viewed_at,
            pages=tuple(
                PageView(page=page, duration_ms=ms) for page, ms in sorted(self.pages.items())
            ),
            bot=self.bot,
        )

    def check_pages(self, pages_of_version: int, *, pointer: str = "/pages") -> None:
        """Raise `validation-failed` if a page is reported that the version does not have."""
        if any(page > pages_of_version for page in self.pages):
            raise invalid(f"This version has {pages_of_version} pages.", pointer=pointer)
