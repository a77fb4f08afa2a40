"""What content-service is called, read once."""

from typing import Final

DATABASE: Final = "content"
NAME: Final = "content-service"
SOURCE: Final = f"/services/{NAME}"
