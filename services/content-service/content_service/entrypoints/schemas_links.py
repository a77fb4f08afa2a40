"""The JSON of links: what a token opens, and what a page that holds it tells."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from content_service.application.links import MAX_BEATS, Opened, OpenView
from content_service.domain.asset import Warning_
from content_service.domain.viewing import MAX_PAGE_MS, Beat
from content_service.entrypoints.schemas_viewing import PageNumber
from onefunnel.http.bodies import Body, Id, Shown, Time

Email = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}$"),
]
# What is more than is taken of one beat is cut, not refused: a laptop that slept meant no harm.
Milliseconds = Annotated[int, Field(ge=0, le=MAX_PAGE_MS)]


class OpenViewBody(Body):
    """Somebody opened the link. The `view_id` is made here, unless a page brings one so as to repeat itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    view_id: Id | None = None
    visitor_id: Annotated[
        Id | None, Field(description="The same for all views of one browser, if it may remember.")
    ] = None
    email: Annotated[
        Email | None,
        Field(description="What the viewer typed. Tells viewers and own people apart; not kept."),
    ] = None
    anonymous: Annotated[
        bool, Field(description="The viewer does not want to be followed, as with `Sec-GPC: 1`.")
    ] = False

    def command(self) -> OpenView:
        """Return the command."""
        return OpenView(self.view_id, self.visitor_id, self.email, self.anonymous)


class PageBeatBody(Body):
    """How much longer a page was looked at: `seq` counts a view's beats, and each is added up once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "view_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
                    "seq": 1,
                    "page": 1,
                    "active_ms": 10_000,
                }
            ]
        }
    )

    view_id: Id
    seq: Annotated[int, Field(ge=1, le=MAX_BEATS)]
    page: PageNumber
    active_ms: Annotated[Milliseconds, Field(description="In sight and in use, since the last.")]
    visible_ms: Annotated[
        Milliseconds | None, Field(description="In sight; no more of `active_ms` counts.")
    ] = None
    sent_at: Annotated[
        Time | None, Field(description="By the page's clock. Ours decides; this one is not kept.")
    ] = None

    def beat(self) -> Beat:
        """Return the beat."""
        visible_ms = self.active_ms if self.visible_ms is None else self.visible_ms
        return Beat(self.seq, self.page, min(self.active_ms, visible_ms))


class OpenedAnswer(Shown):
    """What a token opens, and what is wrong with the link."""

    title: str
    kind: str
    version: int
    pages: int
    newest_version: int
    warning: Warning_ | None

    @classmethod
    def of(cls, opened: Opened) -> "OpenedAnswer":
        """Show what was shared."""
        return cls(
            title=opened.asset.edition.title,
            kind=opened.asset.kind,
            version=opened.share.version,
            pages=opened.pages,
            newest_version=opened.asset.version,
            warning=opened.warning,
        )


class OpenViewAnswer(Shown):
    """The view that beats are sent for, and what is wrong with the link."""

    view_id: UUID
    version: int
    warning: Warning_ | None
