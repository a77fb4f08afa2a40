"""Settings of the lead service, read once."""

from typing import Final

DATABASE: Final = "lead"
NAME: Final = "lead-service"
SOURCE: Final = f"/services/{NAME}"
