"""What the major versions of PostgreSQL have."""

from typing import Final

FIRST_WITH_BUILTIN_LOCALE: Final = 17
