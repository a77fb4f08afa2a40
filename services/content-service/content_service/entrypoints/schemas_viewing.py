"""The JSON of views: what servers report."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from content_service.application.queries import Reading
from content_service.application.viewing import Report, Reported, ReportView
from content_service.domain.asset import Warning_
from content_service.domain.viewing import MAX_PAGES
from onefunnel.events.values import LeadId
from onefunnel.http.bodies import Body, Id, Shown, Time

_EXAMPLE: JsonDict = {
    "view_id": "019abf0d-11c4-7b02-8c55-0c8a0b6f2a10",
    "pages": [{"page": 1, "duration_ms": 12_000}],
}

PageNumber = Annotated[int, Field(ge=1, le=10_000)]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
ReadingDimension = Literal["asset", "day"]
MAX_DOMAINS: Final = 100
Domain = Annotated[
    str,
    StringConstraints(max_length=189, pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$"),
]
UserAgent = Annotated[str, StringConstraints(max_length=1_000)]


class ViewedPage(Body):
    """How long a page has been looked at so far, in this view."""

    page: PageNumber
    duration_ms: Milliseconds


class ServerViewBody(Body):
    """A server's report, for a share or for a lead known otherwise. Sent again, the longest counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    view_id: Id
    visitor_id: Id | None = None
    viewed_at: Time | None = None
    pages: Annotated[tuple[ViewedPage, ...], Field(max_length=MAX_PAGES)] = ()
    user_agent: UserAgent | None = None
    share_id: Id | None = None
    lead_id: Id | None = None
    version: Annotated[int, Field(ge=1, le=100_000)] | None = None
    internal: Annotated[
        bool, Field(description="By somebody of your own: kept, and in no figure but `internal`.")
    ] = False

    def command(self, asset_id: UUID) -> ReportView:
        """Return the command."""
        pages = longest(self.pages)
        return ReportView(
            asset_id=asset_id,
            report=Report(
                view_id=self.view_id,
                visitor_id=self.visitor_id,
                viewed_at=self.viewed_at,
                pages=pages,
                user_agent=self.user_agent,
                internal=self.internal,
            ),
            share_id=self.share_id,
            lead_id=None if self.lead_id is None else LeadId(self.lead_id),
            version=self.version,
        )


class ViewAnswer(Shown):
    """What is known of the view. `counted` is false for machines, looks below two seconds and own people."""

    view_id: UUID
    version: int
    duration_ms: int
    counted: bool
    warning: Warning_ | None

    @classmethod
    def of(cls, reported: Reported) -> "ViewAnswer":
        """Show a view."""
        viewing = reported.viewing
        return cls(
            view_id=viewing.id,
            version=viewing.version,
            duration_ms=viewing.duration_ms,
            counted=viewing.counted,
            warning=reported.warning,
        )


class ReadingGroup(Shown):
    """What buyers read on a day, or of an asset."""

    key: str
    views: int
    viewers: int
    duration_ms: int

    @classmethod
    def of(cls, found: Reading) -> "ReadingGroup":
        """Show a group."""
        return cls(
            key=str(found.key),
            views=found.views,
            viewers=found.viewers,
            duration_ms=found.duration_ms,
        )


class ReadingAnswer(Shown):
    """What buyers read on the UTC days from `from` until before `to`: machines and own people left out.

    `names` says what the assets among the keys are called.
    """

    from_: Annotated[date, Field(alias="from")]
    to: date
    group_by: ReadingDimension
    groups: list[ReadingGroup]
    names: dict[str, str]


class OwnDomainsBody(Body):
    """The domains of the tenant's own people, in lower case, each as it stands behind the `@`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"domains": ["northwind.example"]}]})

    domains: Annotated[tuple[Domain, ...], Field(max_length=MAX_DOMAINS)]


class OwnDomainsAnswer(Shown):
    """The domains of the tenant's own people."""

    domains: list[str]


def longest(pages: Sequence[ViewedPage]) -> dict[int, int]:
    """Return the longest duration of each page; a page may be named twice."""
    found: dict[int, int] = {}
    for viewed in pages:
        found[viewed.page] = max(viewed.duration_ms, found.get(viewed.page, 0))
    return found
