"""The JSON of the library: assets, versions, verdicts, searches, performance."""

from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from content_service.application.library import (
    External,
    PublishAsset,
    RateAsset,
    ReviseAsset,
)
from content_service.application.queries import (
    AssetView,
    EditionView,
    Performance,
    SearchView,
)
from content_service.domain.asset import Asset, Edition, Standing
from onefunnel.events.values import Code, PersonId, StepKey
from onefunnel.http.bodies import Body, Day, Id, Name, OutsideName, Shown, Time, Words

# So much text makes a search vector well below PostgreSQL's limit of a megabyte.
LongText = Annotated[str, StringConstraints(max_length=100_000)]
PageCount = Annotated[int, Field(ge=1, le=10_000)]
Stars = Annotated[int, Field(ge=1, le=5)]


class AssetExternal(Body):
    """What the asset is called in the system that it came from; its id follows from it."""

    source: Code
    id: OutsideName


class AssetBody(Body):
    """A new asset; without an owner it belongs to whoever publishes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Return on investment sheet",
                    "kind": "sheet",
                    "summary": "What the first year saves, on one page.",
                    "pages": 1,
                    "stage": "proposal",
                    "expires_on": "2027-01-01",
                }
            ]
        }
    )

    title: Name
    kind: Code
    summary: Words | None = None
    body: LongText | None = None
    pages: PageCount = 1
    owner_id: Id | None = None
    stage: StepKey | None = None
    segment: Code | None = None
    expires_on: Day | None = None
    published_at: Time | None = None
    external: AssetExternal | None = None

    def command(self) -> PublishAsset:
        """Return the command."""
        outside = self.external
        return PublishAsset(
            kind=self.kind,
            owner_id=person(self.owner_id),
            stage=self.stage,
            segment=self.segment,
            expires_on=self.expires_on,
            edition=Edition(self.title, self.summary, self.body, self.pages),
            published_at=self.published_at,
            external=External(outside.source, outside.id) if outside else None,
        )


class AssetVersionBody(Body):
    """The next version; what is left out stays as it was."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"pages": 2, "summary": "With costs."}]}
    )

    title: Name | None = None
    summary: Words | None = None
    body: LongText | None = None
    pages: PageCount | None = None
    expires_on: Day | None = None
    published_at: Time | None = None

    def command(self, asset_id: UUID) -> ReviseAsset:
        """Return the command."""
        return ReviseAsset(
            asset_id=asset_id,
            title=self.title,
            summary=self.summary,
            body=self.body,
            pages=self.pages,
            expires_on=self.expires_on,
            published_at=self.published_at,
        )


class AssetAnswer(Shown):
    """An asset as it now is, without its text."""

    id: UUID
    title: str
    summary: str | None
    kind: str
    owner_id: UUID | None
    stage: str | None
    segment: str | None
    version: int
    pages: int
    status: Standing
    expires_on: date | None
    published_at: datetime
    retired_at: datetime | None

    @classmethod
    def of(cls, asset: Asset, today: date) -> Self:
        """Show an asset on a day."""
        return cls(
            id=asset.id,
            title=asset.edition.title,
            summary=asset.edition.summary,
            kind=asset.kind,
            owner_id=asset.owner_id,
            stage=asset.stage,
            segment=asset.segment,
            version=asset.version,
            pages=asset.edition.pages,
            status=asset.standing(today),
            expires_on=asset.expires_on,
            published_at=asset.published_at,
            retired_at=asset.retired_at,
        )


class AssetDetail(AssetAnswer):
    """An asset with its text."""

    body: str | None

    @classmethod
    def full(cls, view: AssetView, today: date) -> "AssetDetail":
        """Show an asset and its text."""
        shown = AssetAnswer.of(view.asset, today)
        return cls(body=view.asset.edition.body, **shown.model_dump())


class AssetsAnswer(Shown):
    """Assets, best first in a search, else newest first; `total` counts all pages."""

    items: list[AssetAnswer]
    next_cursor: str | None
    total: int


class AssetVersionAnswer(Shown):
    """One version of an asset."""

    version: int
    title: str
    summary: str | None
    body: str | None
    pages: int
    published_at: datetime

    @classmethod
    def of(cls, view: EditionView) -> "AssetVersionAnswer":
        """Show a version."""
        edition = view.edition
        return cls(
            version=view.version,
            title=edition.title,
            summary=edition.summary,
            body=edition.body,
            pages=edition.pages,
            published_at=view.published_at,
        )


class AssetVersionsAnswer(Shown):
    """Versions, newest first."""

    items: list[AssetVersionAnswer]
    next_cursor: str | None


class AssetRatingBody(Body):
    """A verdict from 1 to 5; the reason stays in the library."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"score": 4, "reason": "Buyers ask for page 2."}]}
    )

    score: Stars
    reason: Words | None = None

    def command(self, asset_id: UUID) -> RateAsset:
        """Return the command."""
        return RateAsset(asset_id, self.score, self.reason)


class AssetRatingAnswer(Shown):
    """The verdict that was taken."""

    asset_id: UUID
    score: int


class SearchedWords(Shown):
    """Words that were searched for, in lower case: how often, by how many, when last."""

    words: str
    count: int
    searchers: int
    last_searched_at: datetime

    @classmethod
    def of(cls, view: SearchView) -> "SearchedWords":
        """Show words."""
        return cls(
            words=view.words,
            count=view.count,
            searchers=view.searchers,
            last_searched_at=view.last_searched_at,
        )


class SearchesAnswer(Shown):
    """What was searched for, most frequent first."""

    items: list[SearchedWords]
    next_cursor: str | None


class AssetFigure(Shown):
    """A figure and what it was made of; `value` is null where there is nothing to divide by."""

    value: str | None
    numerator: int
    denominator: int
    n: int
    method: Literal["exact"] = "exact"
    reason: Literal["zero-denominator"] | None

    @classmethod
    def ratio(cls, numerator: int, denominator: int, n: int) -> "AssetFigure":
        """Divide, to six places, halves up; nothing here is negative."""
        value = None
        if denominator:
            millionths = int(Fraction(numerator * 10**6, denominator) + Fraction(1, 2))
            value = f"{millionths // 10**6}.{millionths % 10**6:06d}"
        return cls(
            value=value,
            numerator=numerator,
            denominator=denominator,
            n=n,
            reason=None if denominator else "zero-denominator",
        )


class AssetPageUse(Shown):
    """How one page was looked at."""

    page: int
    views: int
    average_ms: AssetFigure


class PerformanceAnswer(Shown):
    """How an asset does, in views by buyers: machines are in `bots` alone, own people in `internal`.

    `reach` is how many of the shares were looked at by a buyer.
    """

    asset_id: UUID
    views: int
    viewers: int
    bots: int
    internal: int
    shares: int
    reach: AssetFigure
    average_time_ms: AssetFigure
    completion: AssetFigure
    rating: AssetFigure
    pages: list[AssetPageUse]

    @classmethod
    def of(cls, asset_id: UUID, found: Performance) -> "PerformanceAnswer":
        """Show the figures of an asset."""
        return cls(
            asset_id=asset_id,
            views=found.views,
            viewers=found.viewers,
            bots=found.bots,
            internal=found.internal,
            shares=found.shares,
            reach=AssetFigure.ratio(found.shares_viewed, found.shares, found.shares),
            average_time_ms=AssetFigure.ratio(found.duration_ms, found.views, found.views),
            completion=AssetFigure.ratio(found.pages_seen, found.pages_offered, found.views),
            rating=AssetFigure.ratio(found.rating_sum, found.raters, found.raters),
            pages=[
                AssetPageUse(
                    page=use.page,
                    views=use.views,
                    average_ms=AssetFigure.ratio(use.duration_ms, use.views, use.views),
                )
                for use in found.by_page
            ],
        )


def person(person_id: UUID | None) -> PersonId | None:
    """Read a person's id."""
    return None if person_id is None else PersonId(person_id)
