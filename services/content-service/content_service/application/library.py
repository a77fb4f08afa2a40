"""What may be done to the library. Each is one transaction; the caller commits."""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from content_service.application.ports import Author, Saved, Tx
from content_service.domain import share_token
from content_service.domain.asset import Asset, Edition, Share
from onefunnel.errors import DomainError, ErrorKind, invalid, not_found
from onefunnel.events.values import AssetId, DealId, LeadId, PersonId
from onefunnel.ids import derived_id, new_id

# A clock of another machine may be a little ahead of ours.
MAX_AHEAD: Final = timedelta(minutes=5)
# Who may say that somebody else did something: whoever carries records over from another system.
_SPEAK_FOR_OTHERS: Final = frozenset({"manager", "admin", "integration", "executive"})


@dataclass(frozen=True, slots=True)
class External:
    """What an asset is called in the system that it came from."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class PublishAsset:
    """Add an asset with its first version; a time in the past is that of an import."""

    kind: str
    owner_id: PersonId | None
    stage: str | None
    segment: str | None
    expires_on: date | None
    edition: Edition
    published_at: datetime | None
    external: External | None


async def publish_asset(command: PublishAsset, *, by: Author, tx: Tx) -> tuple[Asset, Saved]:
    """Make a new asset available to sales; its owner is who publishes it unless somebody is named."""
    outside = command.external
    asset_id = (
        derived_id(tx.tenant_id, outside.source, "asset", outside.id) if outside else new_id()
    )
    asset = Asset(
        id=AssetId(asset_id),
        kind=command.kind,
        owner_id=command.owner_id or by.person_id,
        stage=command.stage,
        segment=command.segment,
        expires_on=command.expires_on,
        version=1,
        edition=command.edition,
        published_at=when(command.published_at, tx=tx, pointer="/published_at"),
    )
    return asset, await tx.assets.add(asset, asset.published(), by=by)


@dataclass(frozen=True, slots=True)
class ReviseAsset:
    """Publish the next version; what is None stays as it was."""

    asset_id: UUID
    title: str | None
    summary: str | None
    body: str | None
    pages: int | None
    expires_on: date | None
    published_at: datetime | None


async def revise_asset(command: ReviseAsset, *, by: Author, tx: Tx) -> tuple[Asset, Saved]:
    """Publish the next version of an asset."""
    asset = await tx.assets.get(command.asset_id)
    now = asset.edition
    edition = Edition(
        title=command.title or now.title,
        summary=command.summary if command.summary is not None else now.summary,
        body=command.body if command.body is not None else now.body,
        pages=command.pages or now.pages,
    )
    at = when(command.published_at, tx=tx, pointer="/published_at")
    expires_on = command.expires_on or asset.expires_on
    revised, event = asset.revise(edition, expires_on=expires_on, at=at)
    saved = await tx.assets.save(revised, event)
    await tx.assets.keep_edition(revised, by=by)
    return revised, saved


async def retire_asset(asset_id: UUID, *, tx: Tx) -> tuple[Asset, Saved]:
    """Withdraw an asset from use."""
    retired, event = (await tx.assets.get(asset_id)).retire(at=tx.now)
    return retired, await tx.assets.save(retired, event)


@dataclass(frozen=True, slots=True)
class ShareAsset:
    """Send the newest version to the buyer of a deal or to a lead."""

    asset_id: UUID
    deal_id: DealId | None
    lead_id: LeadId | None
    shared_by: PersonId | None
    shared_at: datetime | None
    expires_at: datetime | None


async def share_asset(command: ShareAsset, *, by: Author, tx: Tx) -> tuple[Share, str, Saved]:
    """Share an asset; the token is told once, and only its hash is kept."""
    asset = await tx.assets.get(command.asset_id)
    if command.expires_at is not None and command.expires_at <= tx.now:
        raise invalid("This lies in the past.", pointer="/expires_at")
    share = Share(
        id=new_id(),
        asset_id=asset.id,
        version=asset.version,
        deal_id=command.deal_id,
        lead_id=command.lead_id,
        shared_by=whoever(command.shared_by, by=by, pointer="/shared_by"),
        shared_at=when(command.shared_at, tx=tx, pointer="/shared_at"),
        expires_at=command.expires_at,
    )
    saved = await tx.assets.save(asset, asset.share(share))
    token = share_token.token_of(tx.tenant_id, secrets.token_bytes(share_token.SECRET_BYTES))
    await tx.assets.keep_share(share, share_token.digest_of(token), by=by)
    return share, token, saved


async def revoke_share(asset_id: UUID, share_id: UUID, *, by: Author, tx: Tx) -> bool:
    """Withdraw a link, for good; return whether it was open until now."""
    share = await tx.assets.share(share_id)
    if share.asset_id != asset_id or not share.is_seen_by(by.role, by.person_id):
        raise not_found("share")
    if share.revoked_at is not None:
        return False
    await tx.assets.revoke(share.revoke(at=tx.now), by=by)
    return True


@dataclass(frozen=True, slots=True)
class RateAsset:
    """Judge an asset from 1 to 5; the reason is in words and stays here."""

    asset_id: UUID
    score: int
    reason: str | None = field(repr=False)


async def rate_asset(command: RateAsset, *, by: Author, tx: Tx) -> tuple[Asset, Saved]:
    """Take a verdict; the newest of each person counts."""
    asset = await tx.assets.get(command.asset_id)
    event = asset.rate(command.score, by=by.person_id, at=tx.now)
    await tx.assets.keep_rating(asset.id, command.score, command.reason, by=by, at=tx.now)
    return asset, await tx.assets.save(asset, event)


def when(at: datetime | None, *, tx: Tx, pointer: str) -> datetime:
    """Return when something happened: now unless told, and never later."""
    if at is not None and at > tx.now + MAX_AHEAD:
        raise invalid("This lies in the future.", pointer=pointer)
    return at or tx.now


def whoever(person_id: PersonId | None, *, by: Author, pointer: str) -> PersonId | None:
    """Return who did something: the caller, or whom a role that carries records over names."""
    if person_id is None or person_id == by.person_id:
        return by.person_id
    if by.role not in _SPEAK_FOR_OTHERS:
        raise DomainError(
            "forbidden",
            "Your role acts for yourself only.",
            kind=ErrorKind.FORBIDDEN,
            pointer=pointer,
        )
    return person_id
