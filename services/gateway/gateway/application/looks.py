"""Views of content, as another system counts them: summed up here, told to content-service as running totals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol
from uuid import UUID

from gateway.application.asking import backoff_s
from gateway.domain.connection import Connection
from onefunnel import telemetry
from onefunnel.ids import derived_id

MAX_TRIES: Final = 12
LEASE_S: Final = 60.0
_log = telemetry.log("views")

Outcome = Literal["taken", "refused", "away"]


@dataclass(frozen=True, slots=True)
class Untold:
    """A view that content-service does not know as it is by now."""

    tenant_id: UUID
    connection_id: UUID
    view_id: str
    viewed_at: datetime
    document_id: str
    link_id: str
    pages: Mapping[str, int]
    version: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Report:
    """A view in content-service's words."""

    asset_id: UUID
    view_id: UUID
    share_id: str | None
    viewed_at: datetime
    pages: Mapping[int, int]


class Views(Protocol):
    """Views that are to be told, of all tenants."""

    async def claim(self) -> tuple[Untold, Connection] | None:
        """Take one that is due, so that nobody else does for a while; None if there is none."""
        ...

    async def told(self, view: Untold) -> None:
        """Note that this version of it is known."""
        ...

    async def again(self, view: Untold, in_s: float, *, park: bool) -> None:
        """Try it later, or never by ourselves."""
        ...


class Library(Protocol):
    """Content-service, in a tenant's name."""

    async def hear(self, tenant_id: UUID, report: Report) -> Outcome:
        """Report a view; the same again changes nothing."""
        ...


async def tell_one(views: Views, library: Library) -> bool:
    """Tell one view if one is due; say whether there was one."""
    found = await views.claim()
    if found is None:
        return False
    view, connection = found
    outcome = await library.hear(view.tenant_id, report_of(view, connection))
    if outcome == "taken":
        await views.told(view)
        return True
    park = outcome == "refused" or view.attempts + 1 >= MAX_TRIES
    _log.warning("view.not_told", connection_id=str(connection.id), outcome=outcome, parked=park)
    await views.again(view, backoff_s(view.attempts), park=park)
    return True


def report_of(view: Untold, connection: Connection) -> Report:
    """Return a view under the names that its document and itself have here; its link names a share of ours."""

    def ours(kind: str, name: str) -> UUID:
        return derived_id(view.tenant_id, connection.source, kind, name)

    return Report(
        asset_id=ours("asset", view.document_id),
        view_id=ours("view", view.view_id),
        share_id=connection.mapping.get("shares", {}).get(view.link_id),
        viewed_at=view.viewed_at,
        pages={int(page): duration for page, duration in view.pages.items()},
    )
