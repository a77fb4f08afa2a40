"""Where people's words are: in the vault, under the key of whom they are about, else of who said them.

Said by nobody in particular, as a system's words are, they are under a key of their own.
"""

from typing import Final
from uuid import UUID

from onefunnel.vault.notes import Place

ERASED: Final = "(erased)"  # what is shown where there must be words and there are none any more


def of_feedback(feedback_id: UUID, submitted_by: UUID | None) -> Place:
    """Return where an item's words are."""
    return Place(submitted_by or feedback_id, f"feedback:{feedback_id}")


def of_answer(feedback_id: UUID, answered_by: UUID | None) -> Place:
    """Return where the words of an item's answer are."""
    return Place(answered_by or feedback_id, f"answer:{feedback_id}")


def of_winloss(record_id: UUID, deal_id: UUID) -> Place:
    """Return where the words about a deal are: they go with the lead that it came from."""
    return Place(deal_id, f"winloss:{record_id}")


def of_verdict(rating_id: UUID, rated_by: UUID | None) -> Place:
    """Return where the words of a verdict are."""
    return Place(rated_by or rating_id, f"verdict:{rating_id}")


def of_search(viewer_id: UUID, digest: bytes) -> Place:
    """Return where somebody's search is, once however often they searched for it."""
    return Place(viewer_id, f"{SEARCH_FIELD}{digest.hex()}")


SEARCH_FIELD: Final = "search:"
