"""What scoring's commands, reactions and queries need from storage. One `Tx` is one transaction of one tenant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from onefunnel.events import Event
from onefunnel.events.envelope import Metadata
from onefunnel.events.scoring import DefinitionActivated
from onefunnel.events.values import LeadId
from scoring_service.domain.agreement import InForce, Version
from scoring_service.domain.lead_rating import LeadRating, Rating
from scoring_service.domain.lead_score import LeadScore
from scoring_service.domain.parties import Party
from scoring_service.domain.score import Activity


class DefinitionReads(Protocol):
    """What is in force."""

    async def in_force(self) -> list[InForce]:
        """Return every active version; drafts are nobody's business here."""
        ...


class Definitions(DefinitionReads, Protocol):
    """The versions of the tenant's qualified-lead definition."""

    @property
    def id(self) -> UUID:
        """The one id of the tenant's definition, over all versions."""
        ...

    async def next_number(self) -> int:
        """Return the number of the next version, and keep others from taking it until the commit."""
        ...

    async def get(self, number: int) -> Version:
        """Return a version, locked for change; raise not-found."""
        ...

    async def put(self, version: Version, *, by: Party) -> None:
        """Save a version that publishes nothing: a draft, or a signature under it."""
        ...

    async def activate(self, version: Version, event: DefinitionActivated) -> UUID:
        """Save an activated version and its event; return the event's id."""
        ...


class LeadReads(Protocol):
    """Leads as scoring knows them, and what they did."""

    async def find(self, lead_id: UUID) -> LeadScore | None:
        """Return a lead for reading, None if nothing was ever heard of it."""
        ...

    async def activities(self, lead_id: UUID) -> list[Activity]:
        """Return the newest activities of a lead; a view knows its asset's kind where we heard of it."""
        ...


class Leads(LeadReads, Protocol):
    """Leads, to be changed."""

    async def get(self, lead_id: LeadId) -> LeadScore:
        """Return a lead, locked until the commit; one never heard of before is blank."""
        ...

    async def save(self, lead: LeadScore, events: Sequence[Event]) -> UUID | None:
        """Save a lead that was got, and its events, in one statement; return the last event's id."""
        ...

    async def record(self, lead_id: LeadId, activity: Activity, *, asset_id: UUID | None) -> None:
        """Keep an activity; one that is kept already stays as it is."""
        ...

    async def learn_kind(self, asset_id: UUID, kind: str, version: int) -> None:
        """Remember what kind of asset this is, from the newest version heard of."""
        ...


class Ratings(Protocol):
    """Ratings of leads by both sides."""

    async def get(self, lead_id: LeadId) -> LeadRating:
        """Return a lead's ratings, locked until the commit; one never rated is blank."""
        ...

    async def lead_of(self, case_id: UUID) -> LeadId:
        """Return whose case this is; raise not-found."""
        ...

    async def save(self, lead: LeadRating, events: Sequence[Event], *, by: Party) -> UUID:
        """Save ratings that were got, their case and their events; return the last event's id."""
        ...

    async def keep(self, lead_id: LeadId, rating: Rating, *, by: Party) -> None:
        """Add a rating to the history, which is never changed."""
        ...


@dataclass(frozen=True, slots=True)
class Tx:
    """The repositories over one open transaction, and the instant it counts as."""

    definitions: Definitions
    leads: Leads
    ratings: Ratings
    now: datetime


class TxFactory(Protocol):
    """Makes the bundle of repositories over an open transaction."""

    def __call__(self, conn: Any, metadata: Metadata) -> Tx:
        """Return the repositories of the metadata's tenant."""
        ...
