"""A view of an asset: reports about it come again and again, in any order, and say the same in the end.

A page's duration is reported as a running total, so the longest report counts: heartbeats repeated,
lost or overtaken change nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from onefunnel.errors import conflict, invalid
from onefunnel.events.content import ContentViewed, PageView
from onefunnel.events.values import AssetId, LeadId

# Mail scanners and link previews open a page and leave; people need longer to see anything.
SHORTEST_LOOK_MS: Final = 2_000
MAX_PAGES: Final = 500

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
class Viewing:
    """What is known of one view, by all reports so far."""

    id: UUID
    asset_id: AssetId
    version: int
    viewer_id: UUID
    viewed_at: datetime
    share_id: UUID | None = None
    lead_id: LeadId | None = None
    machine: bool = False
    pages: Mapping[int, int] = field(default_factory=dict)  # page -> milliseconds

    @property
    def duration_ms(self) -> int:
        """How long all pages were looked at."""
        return sum(self.pages.values())

    @property
    def bot(self) -> bool:
        """Say whether this view does not count: a machine's, or too short for a person."""
        return self.machine or self.duration_ms < SHORTEST_LOOK_MS

    def begin(self, pages_of_version: int) -> tuple["Viewing", ContentViewed]:
        """Take the first report."""
        self.check_pages(pages_of_version)
        return self, self.viewed()

    def hear(
        self, report: "Viewing", pages_of_version: int
    ) -> tuple["Viewing", ContentViewed | None]:
        """Take a later report; publish again only what was taken for a machine and proves to be a person."""
        if (report.asset_id, report.share_id) != (self.asset_id, self.share_id):
            raise conflict("This view_id belongs to another view.")
        report.check_pages(pages_of_version)
        pages = dict(self.pages)
        for page, duration_ms in report.pages.items():
            pages[page] = max(duration_ms, pages.get(page, 0))
        heard = replace(self, pages=pages, machine=self.machine or report.machine)
        return heard, heard.viewed() if self.bot and not heard.bot else None

    def viewed(self) -> ContentViewed:
        """Say that somebody looked, as far as it is known now."""
        return ContentViewed(
            viewer_id=self.viewer_id,
            view_id=self.id,
            asset_id=self.asset_id,
            version=self.version,
            share_id=self.share_id,
            lead_id=self.lead_id,
            viewed_at=self.viewed_at,
            pages=tuple(
                PageView(page=page, duration_ms=ms) for page, ms in sorted(self.pages.items())
            ),
            bot=self.bot,
        )

    def check_pages(self, pages_of_version: int) -> None:
        """Raise `validation-failed` if a page is reported that the version does not have."""
        if any(page > pages_of_version for page in self.pages):
            raise invalid(f"This version has {pages_of_version} pages.", pointer="/pages")
