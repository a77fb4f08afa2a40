"""What scoring-service is called, read once."""

from typing import Final

DATABASE: Final = "scoring"
NAME: Final = "scoring-service"
SOURCE: Final = f"/services/{NAME}"
GROUP: Final = "scoring"  # of its reactions
ACTOR: Final = "system:scoring"  # who acts where no principal does
