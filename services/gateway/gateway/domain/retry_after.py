"""How long a server asks to be left alone, in its header `Retry-After`."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

MAX_RETRY_AFTER_S: Final = 3_600.0  # nobody may silence us for longer


def retry_after_s(text: str, now: datetime) -> float:
    """Return the seconds that are asked for, in bounds; 0 where it says nothing that we understand."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        wait_s = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
