"""An asset of the library: what marketing made, in versions, for a step and a segment, until it expires."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from onefunnel.errors import broken_rule, conflict
from onefunnel.events.content import ContentPublished, ContentRated, ContentRetired, ContentShared
from onefunnel.events.values import AssetId, DealId, LeadId, PersonId

Standing = Literal["active", "expired", "retired"]
Warning_ = Literal["outdated-version", "expired", "retired"]


@dataclass(frozen=True, slots=True)
class Edition:
    """The words and pages of one version; they stay here, events say only that it exists."""

    title: str
    summary: str | None
    body: str | None
    pages: int


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as it now is: its newest version and where it may be used."""

    id: AssetId
    kind: str
    owner_id: PersonId | None
    stage: str | None
    segment: str | None
    expires_on: date | None
    version: int
    edition: Edition
    published_at: datetime
    retired_at: datetime | None = None

    def published(self) -> ContentPublished:
        """Say that the newest version is available."""
        return ContentPublished(
            asset_id=self.id,
            version=self.version,
            kind=self.kind,
            owner_id=self.owner_id,
            stage=self.stage,
            segment=self.segment,
            expires_on=self.expires_on,
            published_at=self.published_at,
        )

    def revise(
        self, edition: Edition, *, expires_on: date | None, at: datetime
    ) -> tuple["Asset", ContentPublished]:
        """Publish the next version; links to earlier ones go on working, with a warning."""
        self._check_not_retired()
        revised = replace(
            self,
            version=self.version + 1,
            edition=edition,
            expires_on=expires_on,
            published_at=at,
        )
        return revised, revised.published()

    def retire(self, *, at: datetime) -> tuple["Asset", ContentRetired]:
        """Withdraw the asset from use, for good."""
        self._check_not_retired()
        return replace(self, retired_at=at), ContentRetired(asset_id=self.id, retired_at=at)

    def standing(self, today: date) -> Standing:
        """Say how the asset stands on a UTC day; it expires with the beginning of `expires_on`."""
        if self.retired_at is not None:
            return "retired"
        expired = self.expires_on is not None and self.expires_on <= today
        return "expired" if expired else "active"

    def share(self, share: "Share") -> ContentShared:
        """Send the newest version to a buyer; what is expired or retired is not sent."""
        standing = self.standing(share.shared_at.astimezone(UTC).date())
        if standing != "active":
            raise conflict(f"This asset is {standing} and may not be shared.")
        return ContentShared(
            asset_id=self.id,
            version=share.version,
            share_id=share.id,
            shared_by=share.shared_by,
            shared_at=share.shared_at,
            deal_id=share.deal_id,
            lead_id=share.lead_id,
        )

    def rate(self, score: int, *, by: PersonId | None, at: datetime) -> ContentRated:
        """Take a verdict from 1 to 5."""
        return ContentRated(asset_id=self.id, score=score, rated_by=by, rated_at=at)

    def warning(self, version: int, today: date) -> Warning_ | None:
        """Say what is wrong with a link to a version; the gravest thing first."""
        standing = self.standing(today)
        if standing != "active":
            return standing
        return "outdated-version" if version < self.version else None

    def _check_not_retired(self) -> None:
        if self.retired_at is not None:
            raise conflict("This asset is retired.")


def keeps_to_own(role: str) -> bool:
    """Say whether a role has to do with its own shares alone: whose buyers read what is the rep's matter."""
    return role == "rep"


@dataclass(frozen=True, slots=True)
class Share:
    """A version sent to the buyer of a deal or to a lead, who opens it by a token."""

    id: UUID
    asset_id: AssetId
    version: int
    deal_id: DealId | None
    lead_id: LeadId | None
    shared_by: PersonId | None
    shared_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.deal_id is None) == (self.lead_id is None):
            raise broken_rule(
                "Share with exactly one: a deal's buyer or a lead.", pointer="/deal_id"
            )

    def check_open(self, now: datetime) -> None:
        """Raise `gone` if the link was withdrawn or its time is over."""
        if self.revoked_at is not None:
            raise conflict("This link was withdrawn; ask for a new one.", code="gone")
        if self.expires_at is not None and self.expires_at <= now:
            raise conflict("The time of this link is over; ask for a new one.", code="gone")

    def revoke(self, *, at: datetime) -> "Share":
        """Withdraw the link, for good."""
        return replace(self, revoked_at=at)

    def is_seen_by(self, role: str, person_id: PersonId | None) -> bool:
        """Say whether this share is there for somebody."""
        return not keeps_to_own(role) or (person_id is not None and person_id == self.shared_by)
