"""Why a deal was won or lost, in three voices that are never mixed: the rep, marketing, the buyer."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from onefunnel.errors import DomainError, ErrorKind, conflict
from onefunnel.events.feedback import WinlossRecorded
from onefunnel.events.values import DealId, PersonId

Voice = Literal["rep", "marketing", "buyer"]

_ONLY_VOICE: dict[str, Voice] = {"rep": "rep"}  # a rep cannot speak for the buyer


@dataclass(frozen=True, slots=True)
class WinLoss:
    """One voice's reasons as codes, and its words, which stay here."""

    id: UUID
    deal_id: DealId
    voice: Voice
    reasons: tuple[str, ...]
    text: str | None = field(repr=False)
    recorded_by: PersonId | None
    recorded_at: datetime

    def record(self, earlier: Collection[Voice]) -> WinlossRecorded:
        """Record it beside the deal's `earlier` voices; a rep cannot change theirs once the buyer spoke."""
        if self.voice == "rep" and {"rep", "buyer"} <= set(earlier):
            raise conflict("The buyer has spoken; the rep's reasons stay as they were.")
        return WinlossRecorded(
            winloss_id=self.id,
            deal_id=self.deal_id,
            voice=self.voice,
            reasons=self.reasons,
            recorded_at=self.recorded_at,
        )


def check_speaks(role: str, voice: Voice) -> None:
    """Raise `forbidden` unless this role may record this voice."""
    if _ONLY_VOICE.get(role, voice) != voice:
        raise DomainError(
            "forbidden", "A rep records the rep's own reasons.", kind=ErrorKind.FORBIDDEN
        )
