"""What content-service is called, read once."""

from typing import Final

DATABASE: Final = "content"
NAME: Final = "content-service"
GROUP: Final = "content"  # of its reactions
SOURCE: Final = f"/services/{NAME}"
