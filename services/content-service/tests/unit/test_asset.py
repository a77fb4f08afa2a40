"""Assets: versions, expiry, and what may no longer be sent."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from content_service.domain.asset import Asset, Edition, Share
from content_service.domain.share_token import SECRET_BYTES, digest_of, tenant_of, token_of
from onefunnel.errors import DomainError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = AT.date()
ASSET = Asset(
    UUID(int=1), "guide", None, "proposal", None, None, 1, Edition("A", None, None, 3), AT
)


def share(**changes) -> Share:
    fields = {
        "id": UUID(int=5),
        "asset_id": ASSET.id,
        "version": 1,
        "deal_id": UUID(int=6),
        "lead_id": None,
        "shared_by": None,
        "shared_at": AT,
    }
    return Share(**(fields | changes))


@pytest.mark.parametrize(
    ("expires_on", "standing"),
    [
        (None, "active"),
        (date(2026, 2, 28), "expired"),
        (date(2026, 3, 1), "expired"),
        (date(2026, 3, 2), "active"),
    ],
)
def test_an_asset_expires_with_the_beginning_of_its_day(expires_on, standing):
    assert replace(ASSET, expires_on=expires_on).standing(TODAY) == standing


def test_the_next_version_is_published_and_links_to_the_one_before_are_outdated():
    revised, event = ASSET.revise(Edition("B", None, None, 4), expires_on=None, at=AT)
    assert (revised.version, event.version) == (2, 2)
    assert revised.warning(1, TODAY) == "outdated-version"
    assert revised.warning(2, TODAY) is None


def test_what_is_retired_or_expired_is_not_shared():
    retired, _ = ASSET.retire(at=AT)
    for gone in (retired, replace(ASSET, expires_on=TODAY)):
        with pytest.raises(DomainError, match="may not be shared"):
            gone.share(share())


def test_a_retired_asset_is_neither_revised_nor_retired_again():
    retired, _ = ASSET.retire(at=AT)
    with pytest.raises(DomainError, match="retired"):
        retired.retire(at=AT)
    with pytest.raises(DomainError, match="retired"):
        retired.revise(ASSET.edition, expires_on=None, at=AT)


@pytest.mark.parametrize("lead", [UUID(int=7), None])
def test_a_share_has_exactly_one_receiver(lead):
    with pytest.raises(DomainError, match="exactly one"):
        share(lead_id=lead, deal_id=UUID(int=6) if lead else None)


def test_a_token_names_its_tenant_and_nothing_else_is_kept_than_its_hash():
    tenant, secret = UUID(int=77), bytes(range(SECRET_BYTES))
    token = token_of(tenant, secret)
    assert tenant_of(token) == tenant
    assert digest_of(token) != digest_of(token_of(tenant, bytes(SECRET_BYTES)))
    assert secret not in digest_of(token)


@pytest.mark.parametrize("text", ["", "x", "a" * 55, "a" * 57, "!" * 56, "ä" * 56, "=" * 56])
def test_what_cannot_be_a_token_names_no_tenant(text):
    assert tenant_of(text) is None
