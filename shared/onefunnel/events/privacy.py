"""Personal data that is gone."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from onefunnel.events.catalogue import Event, event
from onefunnel.events.topics import LEAD
from onefunnel.events.values import DealId


@event("onefunnel.subject.erased.v1", topic=LEAD, aggregate="subject", key="subject_id")
class SubjectErased(Event):
    """The personal data of a lead or a person was erased; their ids, and what was counted and paid, stay.

    `same` are the other ids of the same person, and `deals` those that came from them: words about
    these were words about the person, and go too.
    """

    subject_id: UUID
    kind: Literal["lead", "person"]
    erased_at: AwareDatetime
    same: tuple[UUID, ...] = ()
    deals: tuple[DealId, ...] = ()
